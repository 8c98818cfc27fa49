"""A service that says and one that hears, on each transport: what the suite is run against."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy import Column, MetaData, String, Table, select

from orchestra.chassis.database.tables import DEAD_LETTER, OUTBOX, add_chassis_tables
from orchestra.chassis.database.unit_of_work import Database, UnitOfWork
from orchestra.chassis.messaging.in_process import Exchange, InProcessTransport
from orchestra.chassis.messaging.rabbit.transport import RabbitTransport
from orchestra.chassis.messaging.relay import relay_once
from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.chassis.messaging.transport import Transport
from orchestra.contracts.event import Event
from orchestra.contracts.execution import AttemptSucceeded, Evidence
from orchestra.contracts.planning import PlanApproved

metadata = MetaData()
add_chassis_tables(metadata)
HEARD = Table("heard", metadata, Column("subject", String(100), primary_key=True))

BINDINGS = {"hearer": (PlanApproved.kind, AttemptSucceeded.kind)}

Kind = Literal["in process", "rabbit"]


@dataclass
class Ear:
    """How the hearer behaves: what it does before it writes, and how large its deliveries were."""

    before: Callable[[Event], Awaitable[None]] | None = None
    deliveries: list[int] = field(default_factory=list[int])
    calls: list[str] = field(default_factory=list[str])


class Line:
    """A sayer and a hearer with a transport between them."""

    def __init__(self, kind: Kind, sayer: Database[Any], hearer: Database[Any], url: str) -> None:
        self.kind: Kind = kind
        self.sayer, self.hearer = sayer, hearer
        self.ear = Ear()
        self.url = url
        self.subscriptions = self._subscriptions()
        self.ends = self.connect(url)

    def connect(self, url: str) -> tuple[Transport, Transport]:
        """The sayer's and the hearer's transports."""
        if self.kind == "in process":
            exchange = Exchange()
            exchange.attach(self.subscriptions, self.hearer)
            end = InProcessTransport(exchange)
            return end, end
        return (
            RabbitTransport(url, Subscriptions("sayer"), self.sayer, BINDINGS),
            RabbitTransport(url, self.subscriptions, self.hearer, BINDINGS),
        )

    def _subscriptions(self) -> Subscriptions:
        subscriptions = Subscriptions("hearer")

        @subscriptions.on(PlanApproved)
        async def plan_approved(event: PlanApproved, work: UnitOfWork) -> None:
            await self._hear(event, work)

        @subscriptions.on_batch(AttemptSucceeded)
        async def attempts_succeeded(events: Sequence[AttemptSucceeded], work: UnitOfWork) -> None:
            self.ear.deliveries.append(len(events))
            for event in events:
                await self._hear(event, work)

        return subscriptions

    async def _hear(self, event: Event, work: UnitOfWork) -> None:
        self.ear.calls.append(event.subject)
        if self.ear.before is not None:
            await self.ear.before(event)
        await work.connection.execute(HEARD.insert().values(subject=event.subject))

    async def start(self) -> None:
        for end in dict.fromkeys(self.ends):
            await end.start()

    async def stop(self) -> None:
        for end in dict.fromkeys(self.ends):
            await end.stop()

    async def say(self, *events: Event, relay: bool = True) -> None:
        async with self.sayer.begin() as work:
            work.publish(*events)
        if relay:
            await self.relay()

    async def relay(self) -> None:
        while await relay_once(self.sayer, self.ends[0]):
            pass

    async def heard(self) -> set[str]:
        async with self.hearer.read() as view:
            return set((await view.connection.execute(select(HEARD.c.subject))).scalars())

    async def dead(self) -> dict[str, str]:
        """Reasons by event id."""
        async with self.hearer.read() as view:
            rows = await view.connection.execute(select(DEAD_LETTER.c.event_id, DEAD_LETTER.c.reason))
            return {row[0]: row[1] for row in rows}

    async def unsent(self) -> list[str]:
        async with self.sayer.read() as view:
            return list(
                (await view.connection.execute(select(OUTBOX.c.event_id).where(OUTBOX.c.sent_at.is_(None)))).scalars()
            )

    async def until(self, met: Callable[[], Awaitable[Any]], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while not await met():
                await asyncio.sleep(0.05)

    async def until_heard(self, *subjects: str) -> None:
        async def all_there() -> bool:
            return set(subjects) <= await self.heard()

        await self.until(all_there)


def approved(subject: str) -> PlanApproved:
    return PlanApproved(
        workspace_id="wsp_1", project_id="prj_1", plan_id=subject, version=1, hash="h", approved_by="ana"
    )


def succeeded(subject: str, tail: str = "") -> AttemptSucceeded:
    now = datetime.now(UTC)
    return AttemptSucceeded(
        workspace_id="wsp_1",
        project_id="prj_1",
        task_id="tsk_1",
        attempt_id=subject,
        token=1,
        started_at=now,
        ended_at=now,
        outputs=(),
        evidence=Evidence(sandbox_level="L3", duration_ms=1, tail=tail),
    )


@asynccontextmanager
async def line_on(kind: Kind, url: str, folder: Path, hearer_url: str | None = None) -> AsyncIterator[Line]:
    sayer: Database[Any] = Database(f"sqlite+aiosqlite:///{folder}/sayer.db", "sayer", UnitOfWork)
    hearer_url = hearer_url or f"sqlite+aiosqlite:///{folder}/hearer.db"
    hearer: Database[Any] = Database(hearer_url, "hearer", UnitOfWork, pool_size=5)
    for database in (sayer, hearer):
        async with database.begin() as work:
            await work.connection.run_sync(metadata.create_all)
    line = Line(kind, sayer, hearer, url)
    try:
        await line.start()
        yield line
    finally:
        await line.stop()
        await sayer.close()
        await hearer.close()


@pytest.fixture(params=["in process", "rabbit"])
async def line(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Line]:
    url = ""
    if request.param == "rabbit":
        url = request.getfixturevalue("virtual_host")
    async with line_on(request.param, url, tmp_path) as made:
        yield made


@pytest.fixture
async def rabbit_line(virtual_host: str, tmp_path: Path) -> AsyncIterator[Line]:
    async with line_on("rabbit", virtual_host, tmp_path) as made:
        yield made
