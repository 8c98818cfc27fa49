"""The history of every service, step by step, on a filled database: what a step does not remove, it leaves alone."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Boolean, Column, Connection, DateTime, Integer, MetaData, Numeric, Table, inspect, select, text
from sqlalchemy import types as sql
from tests.servers import Postgres
from tests.system import SERVICES, service

from orchestra.chassis.database.migrations import ForeignSchema, in_metadata, migrate, plain_tables, revisions
from orchestra.chassis.database.unit_of_work import Database, UnitOfWork

Rows = dict[str, list[dict[str, Any]]]
"""Of every table, by name."""

INSTANT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

VALUES: tuple[tuple[type[sql.TypeEngine[Any]], Any], ...] = (
    (Boolean, True),
    (Integer, 7),
    (Numeric, 7),
    (sql.Float, 7.5),
    (DateTime, INSTANT),
    (sql.Date, INSTANT.date()),
    (sql.Time, INSTANT.time()),
    (sql.JSON, {"a": [1, "é"]}),
    (sql.LargeBinary, b"\x00\xff"),
    (sql.String, "é7"),
)


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database[UnitOfWork]]:
    """Empty; of no service yet."""
    url = f"sqlite+aiosqlite:///{tmp_path}/any.db"
    if request.param == "postgres":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = await postgres.create()
    made = Database(url, "any", UnitOfWork, pool_size=1)
    yield made
    await made.close()


def reflected(connection: Connection) -> MetaData:
    found = MetaData()
    found.reflect(connection, only=sorted(plain_tables(connection)))
    found.remove(found.tables["alembic_version"])
    return found


def fill(connection: Connection) -> None:
    """A row in every table that has none; every column has a value, and every reference leads somewhere."""
    tables = reflected(connection).sorted_tables
    for table in tables:
        if connection.execute(select(table).limit(1)).first() is None:
            given = [c for c in table.columns if c.computed is None]
            connection.execute(table.insert().values({c.name: value(connection, c) for c in given}))
    assert all(contents(connection).values())


def value(connection: Connection, column: Column[Any]) -> Any:
    for key in column.foreign_keys:
        if key.column.table is not column.table:
            return connection.execute(select(key.column).limit(1)).scalar_one()
    kind, found = next(each for each in VALUES if isinstance(column.type, each[0]))
    if kind is DateTime and not getattr(column.type, "timezone", False):
        return found.replace(tzinfo=None)
    return found[: column.type.length] if kind is sql.String and getattr(column.type, "length", None) else found


def contents(connection: Connection) -> Rows:
    """As the driver shows it, whatever the code makes of it."""

    def rows(table: Table) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute(text(f'SELECT * FROM "{table.name}"')).mappings()]  # noqa: S608

    return {table.name: rows(table) for table in reflected(connection).sorted_tables}


def shared(rows: Rows, with_: Rows) -> Rows:
    """The part of the tables and columns that both have."""

    def cut(row: Mapping[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
        return {name: row[name] for name in row.keys() & like.keys()}

    both = {name for name in rows.keys() & with_.keys() if with_[name]}
    return {name: [cut(row, with_[name][0]) for row in rows[name]] for name in both}


class History:
    """A service's database on its way through its versions."""

    def __init__(self, name: str, database: Database[UnitOfWork]) -> None:
        self._service = service(name)
        self._database = database
        self.numbers = revisions(self._service.migrations)

    async def _sync(self, call: Any) -> Any:
        async with self._database.begin() as work:
            return await work.connection.run_sync(call)

    async def move(self, to: str) -> None:
        """And everything that is there before and after is the same."""
        before: Rows = await self._sync(contents)
        await migrate(self._database, self._service.migrations, to=to)
        await self._database.engine.dispose()  # it keeps what it knew of `SELECT *`
        after: Rows = await self._sync(contents)
        assert shared(after, before) == shared(before, after), to

    async def fill(self) -> None:
        await self._sync(fill)

    async def tables(self) -> set[str]:
        return set(await self._sync(lambda connection: inspect(connection).get_table_names()))

    async def is_what_the_code_knows(self) -> bool:
        def differences(connection: Connection) -> list[Any]:
            known = {"include_object": in_metadata(connection)}
            return compare_metadata(MigrationContext.configure(connection, opts=known), self._service.metadata)

        return await self._sync(differences) == []


@pytest.mark.parametrize("name", SERVICES)
async def test_a_filled_database_goes_up_down_and_up_again(name: str, database: Database[UnitOfWork]) -> None:
    history = History(name, database)
    first, *later = history.numbers
    await migrate(database, service(name).migrations, to=first)
    await history.fill()

    for number in later:
        await history.move(number)
        await history.fill()
    assert await history.is_what_the_code_knows()

    for number in reversed(history.numbers[:-1]):
        await history.move(number)
    await history.move("head")
    await history.fill()
    assert await history.is_what_the_code_knows()

    await migrate(database, service(name).migrations, to="base")
    assert await history.tables() == {"alembic_version"}


@pytest.mark.parametrize("name", SERVICES)
def test_the_numbers_of_a_history_are_one_line(name: str) -> None:
    found = revisions(service(name).migrations)

    assert found == [f"{n:04d}" for n in range(1, len(found) + 1)]


async def stamp(database: Database[UnitOfWork], number: str) -> None:
    async with database.begin() as work:
        await work.connection.execute(text("UPDATE alembic_version SET version_num = :number"), {"number": number})


async def test_a_schema_that_is_newer_than_the_code_is_left_alone(database: Database[UnitOfWork]) -> None:
    history = History("notifier", database)
    await migrate(database, service("notifier").migrations)
    await history.fill()
    await stamp(database, "9000")

    await history.move("head")

    async with database.read() as view:
        assert (await view.connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one() == "9000"


async def test_a_schema_of_something_else_is_refused(database: Database[UnitOfWork]) -> None:
    await migrate(database, service("notifier").migrations)
    await stamp(database, "5cd1f0ab")

    with pytest.raises(ForeignSchema, match="5cd1f0ab"):
        await migrate(database, service("notifier").migrations)


async def test_replicas_that_start_at_once_wait_for_the_one_that_migrates(database: Database[UnitOfWork]) -> None:
    await asyncio.gather(*(migrate(database, service("notifier").migrations) for _ in range(3)))

    assert await History("notifier", database).is_what_the_code_knows()
