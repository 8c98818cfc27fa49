"""A service that runs: its application, its transport, its loops, from start to graceful stop."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from fastapi import FastAPI

from orchestra.chassis import vitals
from orchestra.chassis.clock import Clock, SystemClock
from orchestra.chassis.database.migrations import migrate
from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.errors import Unavailable
from orchestra.chassis.http import commands, operations
from orchestra.chassis.http.identity import IdentifyByToken, TokenVerifier
from orchestra.chassis.http.problems import add_problem_handlers
from orchestra.chassis.http.requests import Requests
from orchestra.chassis.loops import Loop
from orchestra.chassis.messaging import inbox, outbox
from orchestra.chassis.messaging.consume import retry_due
from orchestra.chassis.messaging.express import Express
from orchestra.chassis.messaging.relay import relay_once
from orchestra.chassis.messaging.transport import Transport
from orchestra.chassis.readings import Readings
from orchestra.chassis.service import Room, Service
from orchestra.chassis.settings import ServiceSettings
from orchestra.chassis.streams import Streams
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.metrics import sent, stop_metrics
from orchestra.chassis.telemetry.tracing import start_tracing, stop_tracing
from orchestra.chassis.wakeups import LocalWakeups, Wakeups

log = logger("runtime")

STALE_OUTBOX = 30.0
"""Seconds after which an unpublished event makes the service not ready."""

HAND_OVER = 6.0
"""Seconds in which a service that stops publishes what is committed. With the grace of requests (6 s), of commands
(10 s) and of deliveries (8 s) it is gone within 30 s, whatever is away."""

TransportFactory = Callable[[Room[Any, Any]], Transport]


class RunningService:
    """A service with its parts. Enter `running()`, or hand `app` to an ASGI server, which does."""

    def __init__(
        self,
        service: Service[Any, Any],
        settings: ServiceSettings,
        transport: TransportFactory,
        *,
        clock: Clock | None = None,
        streams: Streams | None = None,
        slowest: float = 0.0,
    ) -> None:
        """For a host of all services in one process: the `streams` that they share, and the seconds that loops may wait
        while nothing is committed, because nobody else commits."""
        start_tracing(service.name)
        self.service = service
        self.clock = clock or SystemClock()
        self.wakeups: Wakeups = LocalWakeups()
        self.database: Database[UnitOfWork] = Database(
            settings.database_url,
            service.name,
            service.work,
            clock=self.clock,
            pool_size=settings.database_pool,
            settings=settings,
        )
        self.database.on_commit.append(self._wake)
        self.readings = Readings(service.name, self.database)
        self.app = self._application()
        self.room: Room[Any, Any] = Room(settings, self.database, self.wakeups, self.clock, self.app)
        if streams is not None:
            self.room.streams = streams
        if settings.redis_url:
            self._add_redis(settings.redis_url)
        self._slowest = slowest
        self._transport_of = transport
        self._transport: Transport | None = None
        self._express: Express | None = None
        self._started = False
        self._tasks: list[asyncio.Task[None]] = []

    def _add_redis(self, url: str) -> None:
        # Its client is large, and who runs without it need not load it.
        from orchestra.chassis.redis_streams import RedisStreams
        from orchestra.chassis.redis_wakeups import RedisWakeups

        room, wakeups, streams = self.room, RedisWakeups(url, self.service.name), RedisStreams(url)
        self.wakeups = room.wakeups = wakeups
        room.streams = streams
        steps = {"redis out": wakeups.send, "redis in": wakeups.listen, "streams out": streams.send}
        room.loops += [Loop(name, step, every=1.0) for name, step in steps.items()]
        room.checks["redis"] = wakeups.check
        room.advisory.add("redis")
        room.on_stop += [wakeups.close, streams.close]

    def _wake(self, names: set[str]) -> None:
        for name in names:
            self.wakeups.wake(name)
        if names:  # something has happened: it may be for any of those that have slowed down
            for loop in self.room.loops:
                if loop.is_slow:
                    self.wakeups.wake(loop.wake or loop.name)

    def _application(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
            async with self.running():
                yield

        name = self.service.name
        app = FastAPI(title=f"Orchestra {name}", version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
        app.add_middleware(Requests, service=name, streamed=self.service.streamed)
        # Not by `include_router`, which builds each route a second time, for prefixes and more that nobody gives here;
        # and before the library's own document, in whose place a service may have another.
        routers = (*self.service.routers, operations.router, operations.internal)
        app.router.routes[:0] = [route for router in routers for route in router.routes]
        add_problem_handlers(app, {**self.service.refusals, **operations.REFUSALS})
        return app

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        await self.start()
        try:
            yield
        finally:
            await self.stop()
            await self.close()

    async def start(self) -> None:
        room, service = self.room, self.service
        await migrate(self.database, service.migrations)
        async with self.database.begin() as work:
            await outbox.release(work)
        state = self.app.state
        state.service = service.name
        state.database = self.database
        state.room = room
        state.subscriptions = service.subscriptions.by_name()
        state.identify = IdentifyByToken(TokenVerifier(room.settings.internal_public_key, service.name))
        if service.wire is not None:
            await service.wire(room)
        self._transport = self._transport_of(room)
        room.checks.update({"database": self._check_database, "outbox": self._check_outbox, "loops": self._check_loops})
        room.checks.update(self._transport.checks())
        state.checks, state.advisory, state.notes = room.checks, room.advisory, room.notes
        room.loops.extend(self._chassis_loops(self._transport))
        state.front, state.readings = service.front, self._begin_readings(self._transport)
        self._tasks = [
            asyncio.create_task(loop.run(self.wakeups, self._slowest), name=loop.name) for loop in room.loops
        ]
        log.info("started", service=service.name)

    def _begin_readings(self, transport: Transport) -> Readings:
        room, name, readings = self.room, self.service.name, self.readings
        pool: Any = self.database.engine.pool
        readings.reads += [vitals.read_tables(name), *room.reads]
        readings.looks += [
            vitals.read_process(name, room.loops, pool, room.settings.database_pool),
            vitals.read_checks(name, lambda: operations.run_checks(room.checks)),
            *room.looks,
        ]
        readings.diagnoses += [vitals.diagnose(name), *room.diagnoses]
        if self.service.front:
            readings.looks.append(vitals.read_queues(name, lambda: transport.queues(self.service.bindings)))
        readings.show()
        if sent():

            async def read() -> bool:
                await readings.newest()
                return False

            room.loops.append(Loop("readings", read, every=10.0))
        return readings

    def _chassis_loops(self, transport: Transport) -> list[Loop]:
        subscriptions = self.service.subscriptions.by_name()
        self._express = express = Express(self.database, transport)

        async def connected() -> bool:
            """Connect, and again when a queue or its consumer is gone: the client's own recovery misses some cases."""
            if self._started and not any([await check() for check in transport.checks().values()]):
                return False
            if self._started:
                log.warning("transport restarted", service=self.service.name)
                self._started = self.database.handover.is_open = False
                await transport.stop()
            await transport.start()
            self._started = self.database.handover.is_open = True
            self.wakeups.wake("outbox")
            return False

        async def relay() -> bool:
            return await relay_once(self.database, transport) if self._started else False

        async def retry() -> bool:
            return bool(await retry_due(subscriptions, self.database))

        return [
            Loop("transport", connected, every=5.0),
            Loop("express", express.step, every=1.0),
            Loop("sent", express.mark, every=0.2),
            Loop("relay", relay, every=1.0, wake="outbox"),
            Loop("retries", retry, every=1.0),
            Loop("purge", self._purge, every=600.0),
        ]

    async def _purge(self) -> bool:
        settings: ServiceSettings = self.room.settings
        async with self.database.begin() as work:
            await outbox.purge(work, timedelta(hours=settings.outbox_window_hours))
            await inbox.purge(work, timedelta(hours=settings.inbox_window_hours))
            await commands.purge(work, timedelta(hours=48))
        return False

    async def _check_database(self) -> str | None:
        await self.database.ping()
        return None

    async def _check_outbox(self) -> str | None:
        async with self.database.read() as view:
            waiting, oldest = await outbox.unsent(view)
        return f"{waiting} events wait, the oldest for {oldest:.0f} s" if oldest > STALE_OUTBOX else None

    async def _check_loops(self) -> str | None:
        failing = [loop.name for loop in self.room.loops if loop.failures >= 3]
        ended = [task.get_name() for task in self._tasks if task.done()]
        return ", ".join([*(f"{n} keeps failing" for n in failing), *(f"{n} has ended" for n in ended)]) or None

    async def stop(self) -> None:
        """End the loops and hand over what is committed. What is not done goes on at the next start."""
        self.readings.hide()
        await _ended(self._tasks)
        for call in reversed(self.room.on_stop):
            await call()
        self.database.handover.is_open = False
        if self._transport is not None and self._express is not None and self._started:
            try:
                async with asyncio.timeout(HAND_OVER):
                    await self._express.finish()
                    while await relay_once(self.database, self._transport):
                        pass
            except (TimeoutError, Unavailable) as error:
                log.warning("events left in the outbox", reason=str(error))
            await self._transport.stop()

    async def close(self) -> None:
        """Close the database. Services of one process close theirs only when all have stopped."""
        await self.database.close()
        await asyncio.to_thread(stop_tracing)
        await asyncio.to_thread(stop_metrics)
        log.info("stopped", service=self.service.name)


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel them until they have ended: a client library that swallows a cancellation must not keep a service up."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1.0)


def on_rabbit(service: Service[Any, Any], url: str) -> TransportFactory:
    """The distributed transport for a service."""
    from orchestra.chassis.messaging.rabbit.transport import RabbitTransport

    def make(room: Room[Any, Any]) -> Transport:
        return RabbitTransport(url, service.subscriptions, room.database, service.bindings, room.inbound)

    return make
