"""The two dialects: what differs between PostgreSQL and SQLite, and nothing else knows which one it is."""

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import asyncpg
from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Connection,
    Executable,
    Select,
    String,
    Table,
    TableValuedAlias,
    Text,
    TypeDecorator,
    any_,
    bindparam,
    event,
    func,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from orchestra.chassis.database import inline_sqlite
from orchestra.chassis.database.faults import tell_apart

READ_ONLY = {"orchestra_read_only": True}
"""Execution options of a connection that only reads."""

COMMAND_TIMEOUT = 35.0
"""Seconds, a little more than the server's own limit: what answers no later than this is away."""

CONNECT_TIMEOUT = 5.0

PING_TIMEOUT = 2.0
"""Seconds in which a connection that has rested must show that it still leads somewhere."""

RESTED = 1.0
"""Seconds without use after which a connection has rested."""

_RESTS = "orchestra_rests_since"

Purpose = Literal["service", "migration"]
"""A migration waits as long as it takes, and no foreign key is enforced while it moves tables about."""


class Load(NamedTuple):
    """An insertion of many rows: into which columns, and what says so for one row."""

    table: str
    columns: Sequence[str]
    statement: str


class Dialect(Protocol):
    """What a query must say differently on each database."""

    single_writer: bool
    many_in_one: bool
    """Several writes, or several reads, can be one statement."""

    def insert(self, table: Table) -> Any:
        """An insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
        ...

    def among(self, column: ColumnElement[Any], values: str) -> ColumnElement[bool]:
        """The column is one of the strings that a statement is given as `values`: one parameter, however many."""
        ...

    def one_of(self, column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
        """The same of strings that are known: a list has no limit, as `in_` has one by the number of parameters."""
        ...

    def each(self, values: str) -> TableValuedAlias:
        """These as a table, with the one column `value`."""
        ...

    async def driver(self, connection: AsyncConnection, *, alone: bool = False) -> Any:
        """The driver's own connection, within the transaction of this one; `alone`: each statement is its own."""
        ...

    async def fetch(self, driver: Any, statement: str, parameters: Sequence[Any]) -> Sequence[Any]: ...

    async def execute_many(self, driver: Any, statement: str, rows: Sequence[Sequence[Any]]) -> None: ...

    async def copy(self, driver: Any, load: Load, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows as fast as the database takes them."""
        ...

    def locked(self, query: Select[Any], *, skip_locked: bool = False) -> Select[Any]:
        """The query, its rows held for this transaction."""
        ...

    def held(self, table: Table, idle: str, where: Sequence[ColumnElement[bool]], *columns: Any) -> Executable:
        """The columns of a row, held for this transaction, so that a statement that began before it sees that it was:
        on PostgreSQL the row is written anew, for which any `idle` column of it serves that is in no index."""
        ...

    def engine(self, url: str, pool_size: int, purpose: Purpose = "service") -> AsyncEngine: ...

    def hold_for_migration(self, connection: Connection) -> None:
        """Keep other replicas out until this transaction ends."""
        ...

    def check_migrated(self, connection: Connection) -> None:
        """Raises BrokenReferences if rows point at nothing after a migration."""
        ...


class _Listed(TypeDecorator[list[str]]):
    """A list of strings as one value."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Any) -> str:
        del dialect
        return json.dumps(value or ())


def _rows(listed: BindParameter[list[str]]) -> TableValuedAlias:
    return func.json_each(listed).table_valued("value")


class BrokenReferences(Exception):
    """A migration left rows that point at nothing; it is undone."""


class PostgresDialect:
    single_writer = False
    many_in_one = True

    def insert(self, table: Table) -> postgresql.Insert:
        return postgresql.insert(table)

    def among(self, column: ColumnElement[Any], values: str) -> ColumnElement[bool]:
        return column == any_(bindparam(values, None, ARRAY(String)))

    def one_of(self, column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
        return column == any_(bindparam(None, list(values), ARRAY(String)))

    def each(self, values: str) -> TableValuedAlias:
        return func.unnest(bindparam(values, None, ARRAY(String))).table_valued("value").render_derived()

    async def driver(self, connection: AsyncConnection, *, alone: bool = False) -> Any:
        fairy: Any = await connection.get_raw_connection()
        adapter = fairy.dbapi_connection
        # Otherwise begun with the first statement that goes through the adapter.
        if adapter._transaction is None and not alone:  # noqa: SLF001
            await adapter._start_transaction()  # noqa: SLF001
        return fairy.driver_connection

    async def fetch(self, driver: Any, statement: str, parameters: Sequence[Any]) -> Sequence[Any]:
        return await driver.fetch(statement, *parameters)

    async def execute_many(self, driver: Any, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        if len(rows) == 1:
            await driver.fetch(statement, *rows[0])
        else:
            await driver.executemany(statement, rows)

    async def copy(self, driver: Any, load: Load, rows: Sequence[Sequence[Any]]) -> None:
        await driver.copy_records_to_table(load.table, records=rows, columns=load.columns)

    def locked(self, query: Select[Any], *, skip_locked: bool = False) -> Select[Any]:
        return query.with_for_update(skip_locked=skip_locked)

    def held(self, table: Table, idle: str, where: Sequence[ColumnElement[bool]], *columns: Any) -> Executable:
        held: Any = update(table).where(*where).values({idle: table.c[idle]})
        return held.returning(*columns)

    def hold_for_migration(self, connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(7203)"))

    def check_migrated(self, connection: Connection) -> None:
        """The server has checked each statement."""

    def engine(self, url: str, pool_size: int, purpose: Purpose = "service") -> AsyncEngine:
        # Without these a black hole holds a caller for ever: the driver has no limits of its own.
        limits = {
            "statement_timeout": "30000",
            "lock_timeout": "10000",
            "idle_in_transaction_session_timeout": "60000",
        }
        patient = purpose == "migration"
        engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            # The connection that was used last has its statements prepared and planned; the others need not.
            pool_use_lifo=True,
            hide_parameters=True,  # an error's text goes into logs and dead letters: it must not carry values
            connect_args={
                "timeout": CONNECT_TIMEOUT,
                "command_timeout": None if patient else COMMAND_TIMEOUT,
                "server_settings": {"jit": "off", **({} if patient else limits)},
            },
        )
        event.listen(engine.sync_engine, "checkout", _still_there)
        event.listen(engine.sync_engine, "checkin", _rests)
        event.listen(engine.sync_engine, "handle_error", tell_apart)
        return engine


class SqliteDialect:
    """One writer: a write transaction takes the lock at its start, so that what it reads cannot change under it.

    `SKIP LOCKED` and `FOR UPDATE` do not exist there and are not needed: BEGIN IMMEDIATE gives more than they do.
    """

    single_writer = True
    many_in_one = False

    def insert(self, table: Table) -> sqlite.Insert:
        return sqlite.insert(table)

    def among(self, column: ColumnElement[Any], values: str) -> ColumnElement[bool]:
        return column.in_(select(self.each(values).c.value))

    def one_of(self, column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
        return column.in_(select(_rows(bindparam(None, list(values), _Listed)).c.value))

    def each(self, values: str) -> TableValuedAlias:
        return _rows(bindparam(values, None, _Listed))

    async def driver(self, connection: AsyncConnection, *, alone: bool = False) -> Any:
        del alone  # it begins none by itself
        return (await connection.get_raw_connection()).driver_connection

    async def fetch(self, driver: inline_sqlite.InlineConnection, statement: str, parameters: Sequence[Any]) -> Any:
        return driver.fetch(statement, parameters)

    async def execute_many(
        self, driver: inline_sqlite.InlineConnection, statement: str, rows: Sequence[Sequence[Any]]
    ) -> None:
        driver.execute_many(statement, rows)

    async def copy(self, driver: inline_sqlite.InlineConnection, load: Load, rows: Sequence[Sequence[Any]]) -> None:
        driver.execute_many(load.statement, rows)

    def locked(self, query: Select[Any], *, skip_locked: bool = False) -> Select[Any]:
        del skip_locked  # the whole database is this transaction's
        return query

    def held(self, table: Table, idle: str, where: Sequence[ColumnElement[bool]], *columns: Any) -> Executable:
        del table, idle
        return select(*columns).where(*where)

    def hold_for_migration(self, connection: Connection) -> None:
        """Its transaction is the only writer already."""

    def check_migrated(self, connection: Connection) -> None:
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise BrokenReferences(f"rows of {', '.join(sorted({row[0] for row in broken}))} point at nothing")

    def engine(self, url: str, pool_size: int, purpose: Purpose = "service") -> AsyncEngine:
        engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=30,
            hide_parameters=True,
            connect_args={"async_creator_fn": inline_sqlite.connect},
        )
        # Most changes of a table are a new one that takes its place: dropping the old one would take along, or be
        # forbidden by, the rows that point at it.
        enforced = "OFF" if purpose == "migration" else "ON"

        @event.listens_for(engine.sync_engine, "connect")
        def prepare(connection: Any, _record: Any) -> None:  # pyright: ignore[reportUnusedFunction]
            cursor = connection.cursor()
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=2000"):
                cursor.execute(f"PRAGMA {pragma}")
            cursor.execute(f"PRAGMA foreign_keys={enforced}")
            cursor.close()

        @event.listens_for(engine.sync_engine, "begin")
        def begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
            reads = connection.get_execution_options().get("orchestra_read_only", False)
            connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

        event.listen(engine.sync_engine, "handle_error", tell_apart)
        return engine


def dialect_of(url: str) -> Dialect:
    name = make_url(url).get_backend_name()
    if name == "postgresql":
        return PostgresDialect()
    if name == "sqlite":
        return SqliteDialect()
    raise ValueError(f"no dialect for {name}: use postgresql+asyncpg:// or sqlite+aiosqlite://")


def _rests(connection: Any, record: Any) -> None:
    """A connection comes back to the pool, unless it comes back within a transaction.

    Whoever is cancelled while BEGIN is on its way leaves it so: SQLAlchemy knows of no transaction that it could roll
    back, and the driver would make the next one a savepoint of this one, which nobody ever commits.
    """
    if connection is not None and connection.driver_connection._top_xact is not None:  # noqa: SLF001
        record.invalidate()
    record.info[_RESTS] = time.monotonic()


def _still_there(connection: Any, record: Any, _proxy: Any) -> None:
    """One cheap exchange before a connection that has rested is used.

    The pool's own test takes three, and the limit of a statement.
    """
    rested = time.monotonic() - record.info.get(_RESTS, 0.0) >= RESTED
    if not rested and not connection.driver_connection.is_closed():
        return

    async def answers(driver: Any) -> None:
        await driver.execute("SELECT 1", timeout=PING_TIMEOUT)

    try:
        connection.run_async(answers)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        connection.driver_connection.terminate()  # without the farewell, for which it would wait as long again
        raise InvalidatePoolError from error  # the pool makes a new one, and trusts none of the others
