"""Migrated and empty databases for the tests of a service. A pytest plugin: see conftest.py.

Making a database on PostgreSQL, migrating and dropping it takes longer than most tests. So each process of a test run
migrates one for a service, and empties it for the next test; on SQLite a test gets a copy of a file that was migrated
once. Who needs a database that nobody has migrated, or two at once, makes them: `Postgres.create`.
"""

import shutil
from pathlib import Path
from typing import Literal

import asyncpg
import pytest
from tests.servers import Postgres

from orchestra.chassis.database.migrations import migrate
from orchestra.chassis.database.unit_of_work import Database, UnitOfWork

Kind = Literal["sqlite", "postgres"]

_LEAVE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_EMPTY = """
DO $$
DECLARE
    name text;
    used boolean;
    tables text[] := '{}';
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', name) INTO used;
        IF used THEN
            tables := tables || format('%I', name);
        END IF;
    END LOOP;
    IF cardinality(tables) > 0 THEN
        EXECUTE 'TRUNCATE ' || array_to_string(tables, ', ') || ' CASCADE';
    END IF;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', name);
    END LOOP;
END $$
"""


class Databases:
    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        self._request = request
        self._folder = folder
        self._on_postgres: dict[str, str] = {}

    async def empty(self, kind: Kind, service: str, folder: Path, migrations: str = "") -> str:
        """The URL of one that nobody else uses while the test runs; its file, if it is one, lies in `folder`."""
        migrations = migrations or f"orchestra.{service}.migrations"
        if kind == "postgres":
            return await self._emptied(service, migrations)
        template = self._folder / f"{service}.db"
        if not template.exists():
            await _migrated(f"sqlite+aiosqlite:///{template}", service, migrations)
        return f"sqlite+aiosqlite:///{shutil.copy(template, folder)}"

    async def _emptied(self, service: str, migrations: str) -> str:
        postgres: Postgres = self._request.getfixturevalue("postgres")
        if url := self._on_postgres.get(service):
            connection = await asyncpg.connect(url.replace("+asyncpg", ""))
            try:
                await connection.execute(_LEAVE)  # a test that has failed may have left somebody behind
                await connection.execute(_EMPTY)
            finally:
                await connection.close()
            return url
        url = await postgres.create()
        await _migrated(url, service, migrations)
        self._on_postgres[service] = url
        return url


async def _migrated(url: str, service: str, migrations: str) -> None:
    database = Database(url, service, UnitOfWork, pool_size=1)
    try:
        await migrate(database, migrations)
    finally:
        await database.close()


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(request, tmp_path_factory.mktemp("migrated"))
