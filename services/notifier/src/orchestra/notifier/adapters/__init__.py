"""The database and the HTTP client behind the ports."""
