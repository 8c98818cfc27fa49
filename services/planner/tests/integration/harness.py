"""The whole planner for a test: its HTTP interface, its loops, events that come to it and those that it published."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx
from pydantic import SecretStr
from sqlalchemy import func, select

from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.http.identity import Caller, TokenSigner, new_private_key
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.consume import consume
from orchestra.chassis.messaging.in_process import Exchange, InProcessTransport
from orchestra.chassis.messaging.message import decode, wrap
from orchestra.chassis.runtime import RunningService
from orchestra.chassis.sealing import Sealer, new_key
from orchestra.contracts.event import Event
from orchestra.contracts.models import ModelCallFailed, ModelCallRequested, ModelCallSucceeded, Usage
from orchestra.contracts.planning import PlanRequested, TaskRequest
from orchestra.planner.adapters import drafts
from orchestra.planner.adapters.markdown import read_blocks
from orchestra.planner.adapters.work import PlanningWork
from orchestra.planner.application.ports import Drafts, ReadBlocks
from orchestra.planner.application.propose_plan import Means
from orchestra.planner.service import service
from orchestra.planner.settings import PlannerSettings

SEALING_KEY = new_key()

E = TypeVar("E", bound=Event)
T = TypeVar("T")

DOCUMENT = """# Shop

## Requirements
- The shop must list its products.
- The shop must take orders.
- Orders must be confirmed by mail.
"""


class MovableClock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Planner:
    """One planner at a database; `replica()` puts another beside it. An `idle` one makes no plans by itself."""

    def __init__(self, url: str, signer: TokenSigner | None = None, *, idle: bool = False) -> None:
        self.url = url
        self.clock = MovableClock()
        self._signer = signer or TokenSigner(new_private_key())
        settings = PlannerSettings(
            database_url=url,
            database_pool=4,
            internal_public_key=self._signer.public_key,
            sealing_keys=SecretStr(SEALING_KEY),
        )
        self.running = RunningService(
            replace(service, wire=None) if idle else service,
            settings,
            lambda _: InProcessTransport(Exchange()),
            clock=self.clock,
        )
        self.subscriptions = service.subscriptions.by_name()

    @property
    def database(self) -> Database[PlanningWork]:
        return self.running.room.database

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["Planner"]:
        async with self.running.running():
            yield self

    @asynccontextmanager
    async def replica(self) -> AsyncIterator["Planner"]:
        async with Planner(self.url, self._signer).at_work() as other:
            yield other

    async def call(self, method: str, path: str, *, workspace: str = "wsp_1", **options: Any) -> httpx.Response:
        token = self._signer.sign(Caller("ada", workspace, ("read", "write")), "planner")
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        transport = httpx.ASGITransport(app=self.running.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://planner", headers=headers) as client:
            return await client.request(method, path, **options)

    async def get(self, path: str) -> Any:
        answer = await self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def approve(self, plan: dict[str, Any]) -> httpx.Response:
        return await self.call("POST", f"/plans/{plan['id']}/approve", json={"hash": plan["hash"]})

    async def deliver(self, *events: Event) -> None:
        """Each event in a delivery of its own, in this order."""
        for event in events:
            envelope = wrap(event, event_id=new_id("evt"), source="/test", time=self.clock.now())
            await consume(self.subscriptions[f"planner:{event.kind}"], [envelope], self.database)

    async def planned(self, request: PlanRequested) -> dict[str, Any]:
        """The plan that the request came to, once it is proposed or failed."""
        await self.deliver(request)
        return await self.settled(request.plan_id)

    async def proposed(self, *requests: PlanRequested) -> list[dict[str, Any]]:
        """The plans that the requests came to, one after the other."""
        plans = [await self.planned(request) for request in requests]
        assert {plan["status"] for plan in plans} == {"proposed"}, plans
        return plans

    async def settled(self, plan_id: str) -> dict[str, Any]:
        async def plan() -> dict[str, Any] | None:
            shown = await self.get(f"/plans/{plan_id}")
            return shown if shown["status"] != "requested" else None

        return await eventually(plan)

    async def published(self, kind: type[E]) -> list[E]:
        """In the order of publication."""
        async with self.database.read() as view:
            query = select(OUTBOX.c.body).where(OUTBOX.c.kind == kind.kind).order_by(OUTBOX.c.position)
            bodies = (await view.connection.execute(query)).scalars().all()
        events = [decode(body)[0].event for body in bodies]
        return [event for event in events if isinstance(event, kind)]

    async def count(self, table: Any) -> int:
        async with self.database.read() as view:
            return (await view.connection.execute(select(func.count()).select_from(table))).scalar_one()


@asynccontextmanager
async def two_planners(url: str) -> AsyncIterator[tuple[Planner, Planner]]:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(Planner(url).at_work())
        yield first, await stack.enter_async_context(first.replica())


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database[PlanningWork]]:
    """The database, with all its tables and nobody at work on it."""
    database = Database(url, service.name, service.work, pool_size=1)
    yield database
    await database.close()


async def eventually(look: Callable[[], Awaitable[T | None]], seconds: float = 60) -> T:
    async with asyncio.timeout(seconds):
        while True:
            if (found := await look()) is not None:
                return found
            await asyncio.sleep(0.02)


def plan_request(plan_id: str = "", document: str = DOCUMENT, **fields: Any) -> PlanRequested:
    wanted: dict[str, Any] = {
        "workspace_id": "wsp_1",
        "project_id": "prj_shop",
        "plan_id": plan_id or new_id("pln"),
        "mode": "given" if "tasks" in fields else "document",
        "project_name": "Shop",
        "document_name": "requirements.md",
        "document": document,
        "requested_by": "ada",
    }
    return PlanRequested(**(wanted | fields))


def person_task(key: str, *, covers: Sequence[str] = (), after: Sequence[str] = ()) -> TaskRequest:
    return TaskRequest(id=key, title=f"Do {key}", covers=tuple(covers), points=1, after=tuple(after))


def answered(call: ModelCallRequested, text: str, *, limit: int = 200_000) -> list[ModelCallSucceeded]:
    """What the executor says when a model has answered so."""
    sealed = Sealer(SEALING_KEY).seal(text, call.call_id)
    pieces = [sealed[at : at + limit] for at in range(0, len(sealed), limit)]
    return [
        ModelCallSucceeded(
            workspace_id=call.workspace_id,
            project_id=call.project_id,
            call_id=call.call_id,
            sealed=piece,
            model="claude-x",
            provider="anthropic",
            usage=Usage(input=1000, output=500, requests=1),
            cost_micros=12_300,
            part=part,
            parts=len(pieces),
        )
        for part, piece in enumerate(pieces, start=1)
    ]


def unanswered(call: ModelCallRequested, code: str, detail: str) -> ModelCallFailed:
    return ModelCallFailed(
        workspace_id=call.workspace_id,
        project_id=call.project_id,
        call_id=call.call_id,
        code=code,
        detail=detail,
        retryable=False,
    )


def means(read: ReadBlocks = read_blocks) -> Means:
    return Means(read, Drafts(drafts.schema, drafts.read_draft))
