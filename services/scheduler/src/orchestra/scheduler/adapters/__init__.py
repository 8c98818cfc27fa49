"""The scheduler on SQL: tables, repositories, its unit of work."""
