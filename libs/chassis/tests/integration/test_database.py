"""The unit of work on both databases, and what happens when they are away."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from libs.chassis.tests.conftest import MIGRATIONS
from libs.chassis.tests.example.tables import NOTE, metadata
from libs.chassis.tests.example.work import ExampleWork
from sqlalchemy import Connection, func, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError
from tests.tcp_proxy import TcpProxy

from orchestra.chassis.database import engine
from orchestra.chassis.database.migrations import migrate
from orchestra.chassis.database.statement import Statement
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Permanent, Transient, Unavailable
from orchestra.chassis.testing.fakes import HeldClock

Example = Database[ExampleWork]

SLEEPS = Statement(lambda _: select(func.pg_sleep(20)))


async def notes(database: Example) -> list[str]:
    async with database.read() as view:
        return await view.notes()


async def test_a_transaction_has_one_instant(database: Example, clock: HeldClock) -> None:
    async with database.begin() as work:
        begun = work.now
        clock.advance(timedelta(seconds=1))
        await work.note("a")

    async with database.read() as view:
        assert (await view.connection.execute(select(NOTE.c.at))).scalar_one() == begun
        assert view.now == begun + timedelta(seconds=1)


async def test_instants_come_back_aware_and_in_utc(database: Example) -> None:
    noon = datetime(2026, 7, 1, 12, 0, 0, 123456, timezone(timedelta(hours=5, minutes=30)))
    async with database.begin() as work:
        await work.connection.execute(insert(NOTE).values(text="a", at=noon))

    async with database.read() as view:
        found = (await view.connection.execute(select(NOTE.c.at))).scalar_one()
    assert (found, found.tzinfo) == (noon, UTC)


async def test_a_naive_instant_is_refused(database: Example) -> None:
    with pytest.raises(Exception, match="a naive instant"):
        async with database.begin() as work:
            await work.connection.execute(insert(NOTE).values(text="a", at=datetime(2026, 7, 1)))  # noqa: DTZ001


async def test_readers_see_no_half_done_work_and_wait_for_none(database: Example) -> None:
    async with database.begin() as work:
        await work.note("a")
        assert await asyncio.wait_for(notes(database), 5) == []

    assert await notes(database) == ["a"]


async def test_writers_of_one_row_wait_for_each_other(database: Example) -> None:
    async with database.begin() as work:
        await work.note("0")

    async def count_up() -> None:
        async with database.begin() as work:
            row = (await work.connection.execute(work.dialect.locked(select(NOTE)))).one()
            await work.connection.execute(NOTE.update().values(text=str(int(row.text) + 1)))

    await asyncio.gather(*(count_up() for _ in range(20)))

    assert await notes(database) == ["20"]


async def test_a_cancelled_transaction_is_undone_and_gives_its_connection_back(database: Example) -> None:
    async def hang() -> None:
        async with database.begin() as work:
            await work.note("never")
            await asyncio.Event().wait()

    for _ in range(10):
        task = asyncio.create_task(hang())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert await asyncio.wait_for(notes(database), 5) == []


async def test_what_is_cancelled_at_any_moment_of_its_start_costs_no_later_transaction_its_commit(
    postgres_url: str,
) -> None:
    one, other = (Database(postgres_url, "example", ExampleWork, pool_size=1) for _ in range(2))

    async def begin() -> None:
        async with one.begin() as work:
            await work.reach()

    await notes(one)
    for passes in range(100):
        task = asyncio.create_task(begin())
        for _ in range(passes):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        async with one.begin() as work:
            await work.note(f"{passes:02}")
        assert (await notes(other))[passes:] == [f"{passes:02}"]
    await one.close()
    await other.close()


async def test_a_list_of_values_may_be_longer_than_any_list_of_parameters(database: Example) -> None:
    async with database.begin() as work:
        await work.note("39999")
        await work.note("other")
        wanted = work.dialect.one_of(NOTE.c.text, [str(number) for number in range(40_000)])
        found = (await work.connection.execute(select(NOTE.c.text).where(wanted))).scalars().all()
        await work.connection.execute(NOTE.update().where(wanted).values(trace_id="1"))
        none = work.dialect.one_of(NOTE.c.text, [])
        nothing = (await work.connection.execute(select(NOTE.c.text).where(none))).scalars().all()

    assert (found, nothing) == (["39999"], [])


async def test_an_error_in_a_query_is_a_bug_and_tells_no_values(database: Example) -> None:
    with pytest.raises(IntegrityError) as raised:
        async with database.begin() as work:
            await work.connection.execute(insert(NOTE).values(text=None, trace_id="its value", at=work.now))

    assert "its value" not in str(raised.value)


async def test_migrations_go_up_and_down_and_up_again(database: Example) -> None:
    async def tables() -> set[str]:
        async with database.read() as view:
            return set(await view.connection.run_sync(lambda connection: inspect(connection).get_table_names()))

    assert set(metadata.tables) < await tables()
    await migrate(database, MIGRATIONS, to="base")
    assert await tables() == {"alembic_version"}
    await migrate(database, MIGRATIONS)
    await migrate(database, MIGRATIONS)
    assert set(metadata.tables) < await tables()


async def test_the_history_makes_the_tables_that_the_code_knows(database: Example) -> None:
    def differences(connection: Connection) -> list[object]:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with database.read() as view:
        assert await view.connection.run_sync(differences) == []


async def test_replicas_that_start_at_once_migrate_once(database: Example) -> None:
    await migrate(database, MIGRATIONS, to="base")

    await asyncio.gather(*(migrate(database, MIGRATIONS) for _ in range(4)))

    assert await notes(database) == []


@pytest.fixture
async def proxy(postgres_url: str) -> AsyncIterator[TcpProxy]:
    proxy = await TcpProxy.before(postgres_url)
    yield proxy
    await proxy.close()


@pytest.fixture
async def distant(proxy: TcpProxy, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Example]:
    """The database behind the proxy; what takes longer than a second is away."""
    monkeypatch.setattr(engine, "COMMAND_TIMEOUT", 1.0)
    database = Database(proxy.url(postgres_url), "example", ExampleWork, pool_size=2)
    assert await notes(database) == []
    yield database
    await database.close()


async def test_a_database_that_refuses_is_unavailable(distant: Example, proxy: TcpProxy) -> None:
    await proxy.close()

    for _ in range(3):
        with pytest.raises(Unavailable):
            await distant.ping()


async def test_cut_connections_that_have_rested_are_replaced_before_anyone_notices(
    distant: Example, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestra.chassis.database.engine.RESTED", 0.0)
    for text_ in "abc":
        proxy.cut()
        async with distant.begin() as work:
            await work.note(text_)

    assert await notes(distant) == ["a", "b", "c"]


async def test_a_connection_cut_in_the_middle_of_a_transaction_is_unavailable(
    distant: Example, proxy: TcpProxy
) -> None:
    async def note_twice() -> None:
        async with distant.begin() as work:
            await work.note("a")
            proxy.cut()
            await work.note("b")

    with pytest.raises(Unavailable):
        await note_twice()

    assert await notes(distant) == []


async def test_a_connection_cut_at_the_commit_is_unavailable(distant: Example, proxy: TcpProxy) -> None:
    async def note_and_commit() -> None:
        async with distant.begin() as work:
            await work.note("a")
            proxy.cut()

    with pytest.raises(Unavailable):
        await note_and_commit()


async def test_a_black_hole_is_unavailable_in_bounded_time_and_heals(distant: Example, proxy: TcpProxy) -> None:
    proxy.swallow()
    with pytest.raises(Unavailable):
        await asyncio.wait_for(distant.ping(), 15)
    proxy.heal()
    proxy.cut()

    assert await notes(distant) == []


@pytest.mark.parametrize("error", [TimeoutError("of a call"), ConnectionError("of another server")])
async def test_what_its_user_meets_elsewhere_is_not_the_databases_fault(error: OSError, database: Example) -> None:
    with pytest.raises(type(error), match=str(error)):
        async with database.begin():
            raise error


async def test_a_black_hole_in_the_middle_of_a_transaction_is_unavailable(distant: Example, proxy: TcpProxy) -> None:
    async def note_twice() -> None:
        async with distant.begin() as work:
            await work.note("a")
            proxy.swallow()
            await work.note("b")

    with pytest.raises(Unavailable):
        await asyncio.wait_for(note_twice(), 15)
    proxy.cut()
    proxy.heal()

    assert await notes(distant) == []


async def test_a_lock_that_is_not_given_is_transient(postgres_url: str) -> None:
    database = Database(postgres_url, "example", ExampleWork, pool_size=2)

    async def note_impatiently() -> None:
        async with database.begin() as other:
            await other.connection.execute(text("SET LOCAL lock_timeout = '50ms'"))
            await other.note("a")

    async with database.begin() as work:
        await work.connection.execute(text("LOCK TABLE note"))
        with pytest.raises(Transient):
            await note_impatiently()
    await database.close()


@pytest.mark.parametrize("raw", [True, False], ids=["past the library", "by the library"])
async def test_a_statement_that_took_too_long_is_transient(postgres_url: str, raw: bool) -> None:
    """As all are that were on their way when a server stood still for a while."""
    database = Database(postgres_url, "example", ExampleWork, pool_size=1)

    async def sleep() -> None:
        async with database.begin() as work:
            await work.connection.exec_driver_sql("SET LOCAL statement_timeout = 20")
            if raw:
                await work.fetch(SLEEPS)
            else:
                await work.connection.exec_driver_sql("SELECT pg_sleep(20)")

    with pytest.raises(Transient, match="57014"):
        await sleep()
    await database.close()


async def test_a_deadlock_is_transient_for_one_and_the_other_goes_on(postgres_url: str) -> None:
    database = Database(postgres_url, "example", ExampleWork, pool_size=2)
    async with database.begin() as work:
        await work.note("x")
        await work.note("y")
    both_hold = asyncio.Barrier(2)

    async def update(first: str, second: str) -> None:
        async with database.begin() as work:
            await work.connection.execute(NOTE.update().where(NOTE.c.text == first).values(trace_id="1"))
            await both_hold.wait()
            await work.connection.execute(NOTE.update().where(NOTE.c.text == second).values(trace_id="1"))

    outcomes = await asyncio.gather(update("x", "y"), update("y", "x"), return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "Transient"]
    await database.close()


async def test_a_database_held_by_another_process_is_transient(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/example.db", "example", ExampleWork, pool_size=1)
    await migrate(database, MIGRATIONS)
    async with database.read() as view:
        await view.connection.exec_driver_sql("PRAGMA busy_timeout=50")

    with closing(sqlite3.connect(tmp_path / "example.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Transient):
            async with database.begin():
                pass

    await database.close()


async def test_two_who_write_to_one_file_take_turns(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/example.db"
    one, two = (Database(url, "example", ExampleWork) for _ in range(2))
    await migrate(one, MIGRATIONS)
    order: list[str] = []

    async def write(database: Database[ExampleWork], text: str) -> None:
        async with database.begin() as work:
            order.append(f"{text} begins")
            await work.note(text)
            await asyncio.sleep(0)  # gives the other one its turn: it must not get the file with it
            order.append(f"{text} ends")

    await asyncio.gather(*(write(database, f"{n}") for n, database in enumerate((one, two) * 3)))

    assert order == [f"{n} {what}" for n in range(6) for what in ("begins", "ends")]
    await one.close()
    await two.close()


async def test_half_a_surrogate_pair_is_permanent(database: Example) -> None:
    with pytest.raises(Permanent):
        async with database.begin() as work:
            await work.note("\ud800")


async def test_what_postgres_cannot_hold_is_permanent(postgres_url: str) -> None:
    database = Database(postgres_url, "example", ExampleWork, pool_size=1)

    with pytest.raises(Permanent):
        async with database.begin() as work:
            await work.note("a\0b")

    await database.close()


def test_another_database_has_no_dialect() -> None:
    with pytest.raises(ValueError, match="no dialect for mysql"):
        Database("mysql://localhost/x", "example", ExampleWork)
