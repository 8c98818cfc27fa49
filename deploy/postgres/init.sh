#!/bin/sh
# A database for each service, and a role that owns nothing else. Runs once, on an empty data directory.
set -eu

make_database() {
    psql -v ON_ERROR_STOP=1 -v name="$1" -v secret="$2" --username "$POSTGRES_USER" --dbname postgres <<-'SQL'
		CREATE ROLE :"name" LOGIN PASSWORD :'secret';
		CREATE DATABASE :"name" OWNER :"name";
		REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
	SQL
}

make_database gateway "$GATEWAY_DATABASE_PASSWORD"
make_database planner "$PLANNER_DATABASE_PASSWORD"
make_database scheduler "$SCHEDULER_DATABASE_PASSWORD"
make_database executor "$EXECUTOR_DATABASE_PASSWORD"
make_database notifier "$NOTIFIER_DATABASE_PASSWORD"
