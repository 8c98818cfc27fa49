"""HTTP: problems, callers, idempotent commands, pages, health."""
