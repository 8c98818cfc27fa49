"""The unit of work: one transaction in which state, inbox marks and outbox rows commit together or not at all."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from datetime import datetime
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from orchestra.chassis.clock import Clock, SystemClock
from orchestra.chassis.database.engine import READ_ONLY, Dialect, Purpose, dialect_of
from orchestra.chassis.database.faults import blame, reached, translated
from orchestra.chassis.database.statement import Copy, Row, Statement, Write, columns_of, side_by_side, together
from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.errors import Unavailable
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.handover import CLAIM, Handover
from orchestra.chassis.messaging.message import Envelope, Outgoing, wrap
from orchestra.chassis.messaging.traces import produced
from orchestra.contracts.event import Event

_STORE = Write.into(OUTBOX, "event_id", "kind", "body", "created_at", "due_at", "claim", "claimed_until")


class UnitOfWork:
    """One transaction. A service's own unit of work adds its repositories over `connection`."""

    def __init__(
        self,
        connection: AsyncConnection,
        dialect: Dialect,
        service: str,
        now: datetime,
        settings: Any = None,
        handover: Handover | None = None,
    ) -> None:
        self.connection = connection
        self.dialect = dialect
        self.service = service
        self.settings = settings
        """The service's settings; None where a test has none."""
        self.now = now
        """One instant for the whole transaction, in UTC."""
        self.by: str | None = None
        """The caller whose command this transaction carries out; None where the service acts by itself."""
        self.cause: Envelope | None = None
        """The event that this transaction handles, where it is one."""
        self.delivery: Sequence[Envelope] = ()
        """All events that this transaction handles, in the order in which the handler gets them."""
        self.published: list[Envelope] = []
        self.fresh: list[Outgoing] = []
        """Of these, what is stored and claimed for this process."""
        self.told = 0
        """How many events are in the outbox with this transaction."""
        self.facts: list[Event] = []
        """The events in them."""
        self.wakes: set[str] = set()
        self._driver: Any = None
        self._handover = handover
        self._stored = 0
        self._later: dict[Write, list[Mapping[str, Any]]] = {}

    async def fetch(self, statement: Statement, **values: Any) -> list[Row]:
        """Execute it once; what it returns, if anything."""
        compiled = statement.on(self.dialect, self.connection.dialect)
        driver = self._driver or await self.reach()
        try:
            found = await self.dialect.fetch(driver, compiled.text, compiled.parameters(values))
        except Exception as error:
            raise await self._blamed(error) from error
        return compiled.converted(found)

    async def fetch_all(self, *reads: Statement, **values: Any) -> list[list[Row]]:
        """What each of them returns, in one exchange where the database has one for that."""
        if not self.dialect.many_in_one:
            return [await self.fetch(read, **values) for read in reads]
        [lists] = await self.fetch(side_by_side(reads), **values)
        compiled = [read.on(self.dialect, self.connection.dialect) for read in reads]
        return [each.converted(rows or ()) for each, rows in zip(compiled, lists, strict=True)]

    async def execute(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for each of the rows, in one exchange."""
        if not rows:
            return
        compiled = statement.on(self.dialect, self.connection.dialect)
        driver = self._driver or await self.reach()
        try:
            await self.dialect.execute_many(driver, compiled.text, [compiled.parameters(row) for row in rows])
        except Exception as error:
            raise await self._blamed(error) from error

    async def copy(self, copy: Copy, rows: Iterable[Sequence[Any]]) -> None:
        """Insert rows by the ten thousands, in this transaction as any other."""
        taken = copy.converted(rows, self.dialect, self.connection.dialect)
        if not taken:
            return
        driver = self._driver or await self.reach()
        try:
            await self.dialect.copy(driver, copy.load(self.dialect, self.connection.dialect), taken)
        except Exception as error:
            raise await self._blamed(error) from error

    def later(self, write: Write, rows: Iterable[Mapping[str, Any]]) -> None:
        """Have the rows written with all others at the end, or at the next `flush`."""
        self._later.setdefault(write, []).extend(rows)

    async def flush(self) -> None:
        """Write what was put off and published, for whoever reads it in this transaction or because it is all."""
        self._store_published()
        pending, self._later = [(write, rows) for write, rows in self._later.items() if rows], {}
        if self.dialect.many_in_one and pending:
            await self.fetch(together(tuple(write for write, _ in pending)), **columns_of(pending))
            return
        for write, rows in pending:
            await self.execute(write.each, rows)

    async def reach(self, *, alone: bool = False) -> Any:
        """The driver's own connection, within this transaction; `alone`: each statement is one."""
        try:
            self._driver = await self.dialect.driver(self.connection, alone=alone)
        except Exception as error:
            raise await self._blamed(error) from error
        return self._driver

    async def _blamed(self, error: Exception) -> BaseException:
        met = blame(error)
        if isinstance(met, Unavailable):
            # Nothing more is sent on it, such as a rollback that would wait just as long.
            await self.connection.invalidate(error)
        return met

    def publish(self, *events: Event, trace: str | None = None) -> None:
        """Have the events published once this transaction has committed, in this order.

        `trace` is the traceparent they belong to; without it they belong to the one around this call.
        """
        self.facts += events
        for event in events:
            event_id = new_id("evt")
            self.published.append(
                wrap(
                    event,
                    event_id=event_id,
                    source=f"/workspaces/{event.workspace_id}/services/{self.service}",
                    time=self.now,
                    traceparent=produced(event, event_id, trace, self.service),
                    correlation_id=self.cause.cloud.correlationid if self.cause else None,
                    causation_id=self.cause.id if self.cause else None,
                )
            )

    def trace_of(self, event: Event) -> str | None:
        """The trace that an event of this delivery came in, for `publish`.

        None where the whole delivery goes on in that trace: then what is published belongs to its span.
        """
        if len(self.delivery) < 2:
            return None
        return next((each.cloud.traceparent for each in self.delivery if each.event is event), None)

    def _store_published(self) -> None:
        """Have the outbox rows written, claimed where the express has room for them; done by the commit."""
        envelopes = self.published[self._stored :]
        if not envelopes:
            return
        self._stored = len(self.published)
        outgoing = [Outgoing(e.id, e.kind, e.to_json()) for e in envelopes]
        same = self.claimed(len(outgoing))
        self.later(_STORE, [{"event_id": out.event_id, "kind": out.kind, "body": out.body, **same} for out in outgoing])
        self.stored(outgoing, same)

    def claimed(self, count: int) -> dict[str, Any]:
        """What the outbox rows of so many events have in common."""
        handover = self._handover
        claim = handover.token if handover is not None and handover.has_room(len(self.fresh) + count) else None
        until = self.now + CLAIM if claim else None
        return {"created_at": self.now, "due_at": self.now, "claim": claim, "claimed_until": until}

    def stored(self, outgoing: Sequence[Outgoing], claimed: Mapping[str, Any]) -> None:
        """These are in the outbox with this transaction."""
        self.told += len(outgoing)
        if claimed["claim"]:
            self.fresh += outgoing
        self.wake("fresh" if claimed["claim"] else "outbox")

    def wake(self, name: str) -> None:
        """Wake whoever waits for `name` in this process once this transaction has committed."""
        self.wakes.add(name)


W = TypeVar("W", bound=UnitOfWork, covariant=True)

_WRITERS: WeakValueDictionary[tuple[str, asyncio.AbstractEventLoop], asyncio.Lock] = WeakValueDictionary()

"""By file and event loop; each is there as long as somebody holds it or waits for it."""


class Database(Generic[W]):
    """A service's database: hands out units of work and says when it is away."""

    def __init__(
        self,
        url: str,
        service: str,
        work: type[W],
        *,
        clock: Clock | None = None,
        pool_size: int = 8,
        settings: Any = None,
        purpose: Purpose = "service",
    ) -> None:
        self.url = url
        self.settings = settings
        self.service = service
        self.dialect = dialect_of(url)
        self.clock = clock or SystemClock()
        self._work = work
        self.engine: AsyncEngine = self.dialect.engine(url, pool_size, purpose)
        self.handover = Handover()
        """What is committed here and waits to be published."""
        self.on_commit: list[Callable[[set[str]], None]] = []
        """Called after each commit with the names to wake: `fresh` when events wait in the handover, `outbox` when they
        wait in the outbox alone."""
        self.on_told: list[Callable[[Sequence[Event]], None]] = []
        """Called after each commit with the events that it has published: what is measured of them has happened."""

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[W]:
        """A transaction that may write. It commits when the block ends, and undoes everything when it raises."""
        async with self._turn(), self._transaction() as work:
            yield work

    def _turn(self) -> AbstractAsyncContextManager[None]:
        """Where one may write at a time, all who write to the file in this process queue: fairly, and without a limit.

        SQLite's own waiting would hold up the event loop, and with it whoever is to be waited for.
        """
        if not self.dialect.single_writer:
            return nullcontext()
        key = self.url, asyncio.get_running_loop()
        lock = _WRITERS.get(key)
        if lock is None:
            lock = _WRITERS[key] = asyncio.Lock()
        return lock

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[W]:
        with translated():
            async with self._connection() as connection:
                transaction = await connection.begin()
                work = self._unit(connection)
                try:
                    yield work
                    await work.flush()
                    await transaction.commit()
                    self.handover.give(work.fresh)
                except BaseException:
                    if transaction.is_active:
                        await transaction.rollback()
                    raise
        self._tell(work)

    async def at_once(self, step: Callable[[W], Awaitable[bool]]) -> W | None:
        """Have a step done by one statement that is a transaction by itself: nothing begins it, nothing commits it.

        `step` executes it with `fetch`, and says whether it has done anything; None where it has not.
        """
        with translated():
            async with self._connection() as connection:
                work = self._unit(connection)
                await work.reach(alone=True)
                if not await step(work):
                    return None
                self.handover.give(work.fresh)
        self._tell(work)
        return work

    def _unit(self, connection: AsyncConnection) -> W:
        return self._work(connection, self.dialect, self.service, self.clock.now(), self.settings, self.handover)

    def _tell(self, work: UnitOfWork) -> None:
        for call in self.on_commit:
            call(work.wakes)
        for tell in self.on_told if work.facts else ():
            tell(work.facts)

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[W]:
        """A view that writes nothing and waits for no writer."""
        with translated():
            async with self._connection() as connection:
                await connection.execution_options(**READ_ONLY)
                yield self._work(connection, self.dialect, self.service, self.clock.now(), self.settings)
                await connection.rollback()

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[AsyncConnection]:
        async with AsyncExitStack() as stack:
            with reached():
                connection = await stack.enter_async_context(self.engine.connect())
            yield connection

    async def ping(self) -> None:
        """Raises Unavailable when the database does not answer."""
        async with self.read() as view:
            await view.connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()
