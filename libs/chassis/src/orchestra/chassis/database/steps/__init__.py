"""Steps in the history of the tables that every service has; a migration of the service calls the next one."""
