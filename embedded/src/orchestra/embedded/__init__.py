"""All five services in one process on SQLite: no server, no broker, the same code."""
