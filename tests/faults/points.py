"""Named points at which a service is held, so that it can be killed just there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import func, select, text
from tests.system import System, eventually
from tests.tcp_proxy import TcpProxy

from orchestra.chassis.database.tables import OUTBOX

BROKER = "ORCHESTRA_RABBITMQ_URL"

WAITS = """
SELECT query FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE NOT granted AND relation = to_regclass(:table) AND query LIKE '%INSERT INTO ' || :table || ' %'
"""


@asynccontextmanager
async def before_inserting(system: System, name: str, table: str) -> AsyncIterator[None]:
    """The service is in the middle of a transaction: it waits for the right to insert into this table.

    Whoever reads goes on. The body has the service killed: when the table is free again nobody commits what was begun.
    """
    async with system.database(name) as holder, system.database(name) as watcher, holder.begin() as work:
        await work.connection.execute(text(f"LOCK TABLE {table} IN EXCLUSIVE MODE"))

        async def waits() -> bool:
            async with watcher.read() as view:
                found = await view.connection.execute(text(WAITS).bindparams(table=table))
                return found.first() is not None

        await eventually(waits)
        yield


@asynccontextmanager
async def behind_proxy(system: System, name: str) -> AsyncIterator[TcpProxy]:
    """The service started anew with a proxy between it and the broker, and at the end without."""
    program = system.programs[name]
    made = await TcpProxy.before(program.environment[BROKER])
    program.kill()
    await start_behind(system, name, made)
    try:
        yield made
    finally:
        program.kill()
        await program.start()
        await made.close()


async def start_behind(system: System, name: str, proxy: TcpProxy) -> None:
    program = system.programs[name]
    await program.start(**{BROKER: proxy.url(program.environment[BROKER])})


async def unsent(system: System, name: str) -> int:
    """How many events of the service."""
    query = select(func.count()).where(OUTBOX.c.sent_at.is_(None))
    async with system.database(name) as database, database.read() as view:
        return (await view.connection.execute(query)).scalar_one()
