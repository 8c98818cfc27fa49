"""The whole gateway, with stand-ins for the services behind it and a clock that is held."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import pytest
from services.gateway.tests.upstreams import Upstream
from sqlalchemy import select

from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.http.identity import TokenSigner, new_private_key
from orchestra.chassis.http.in_process import InProcessHttp
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.consume import consume
from orchestra.chassis.messaging.in_process import Exchange, InProcessTransport
from orchestra.chassis.messaging.message import decode, wrap
from orchestra.chassis.runtime import RunningService, TransportFactory
from orchestra.chassis.testing.fakes import HeldClock
from orchestra.contracts.event import Event
from orchestra.contracts.planning import PlanRequested
from orchestra.contracts.scheduling import RunChanged
from orchestra.gateway.application.create_api_key import create_api_key, new_credential
from orchestra.gateway.domain.api_key import GRANTS
from orchestra.gateway.entrypoints.events import subscriptions
from orchestra.gateway.service import service
from orchestra.gateway.settings import GatewaySettings

BOOTSTRAP = "ork_test_0123456789abcdef_" + "s" * 43
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests of what no database has a say in."""

SERVICES = ("planner", "scheduler", "executor", "notifier")


@dataclass(frozen=True)
class Holder:
    """A requester who holds every grant."""

    workspace_id: str
    subject: str = "tests"
    grants: tuple[str, ...] = GRANTS


@dataclass
class Gateway:
    """A running gateway as its neighbours see it."""

    running: RunningService
    clock: HeldClock
    upstreams: dict[str, Upstream]
    clients: list[httpx.AsyncClient] = field(default_factory=list[httpx.AsyncClient])

    def __getitem__(self, name: str) -> Upstream:
        return self.upstreams[name]

    def client(self, key: str | None = BOOTSTRAP) -> httpx.AsyncClient:
        """Calls the public API with a key."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        transport = InProcessHttp(self.running.app)
        client = httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers, timeout=30)
        self.clients.append(client)
        return client

    @property
    def database(self) -> Any:
        return self.running.database

    async def workspace(self, name: str = "default") -> str:
        """The id of the workspace of this name, made if there is none."""
        async with self.database.begin() as work:
            await work.workspaces.add(new_id("wsp"), name)
            return await work.workspaces.id_of(name)

    async def key(self, *grants: str, workspace: str = "default", expires_at: datetime | None = None) -> str:
        holder = Holder(await self.workspace(workspace))
        credential = new_credential("test")
        async with self.database.begin() as work:
            await create_api_key(
                work, credential, name="a key", grants=grants or GRANTS, expires_at=expires_at, requester=holder
            )
        return credential.text

    async def project(self, project_id: str = "prj_1", name: str = "A project") -> str:
        """Have the planner know a project."""
        self["planner"].says("GET", f"/projects/{project_id}", {"id": project_id, "name": name, "created_at": "x"})
        return project_id

    async def published(self) -> list[Event]:
        """What waits in the outbox or has left it, in order."""
        async with self.database.read() as view:
            rows = await view.connection.execute(select(OUTBOX.c.body).order_by(OUTBOX.c.position))
            return [envelope.event for (body,) in rows for envelope in decode(body)]

    async def plan_requests(self) -> list[PlanRequested]:
        return [event for event in await self.published() if isinstance(event, PlanRequested)]

    async def happened(self, *events: Event) -> None:
        """One delivery to the subscription of their kind."""
        await deliver(self.database, events)


async def deliver(database: Any, events: Sequence[Event]) -> None:
    by_kind = {subscription.event.kind: subscription for subscription in subscriptions}
    envelopes = [wrap(event, event_id=new_id("evt"), source="/tests", time=database.clock.now()) for event in events]
    await consume(by_kind[events[0].kind], envelopes, database)


def settings_for(database_url: str, **more: Any) -> GatewaySettings:
    private = new_private_key()
    values = {
        "database_url": database_url,
        "database_pool": 5,
        "internal_private_key": private,
        "internal_public_key": TokenSigner(private).public_key,
        "bootstrap_key": BOOTSTRAP,
        "environment": "test",
        **more,
    }
    return GatewaySettings.model_validate(values)


def in_process(room: Any) -> InProcessTransport:
    return InProcessTransport(Exchange())


@asynccontextmanager
async def gateway_running(
    settings: GatewaySettings, transport: TransportFactory = in_process, *, served: bool = False
) -> AsyncIterator[Gateway]:
    """Started and stopped here, or, when `served`, by the server that is given the application."""
    clock = HeldClock()
    running = RunningService(service, settings, transport, clock=clock)
    upstreams = {name: Upstream(name, settings.internal_public_key) for name in SERVICES}
    running.app.state.clients = {name: upstream.client for name, upstream in upstreams.items()}
    gateway = Gateway(running, clock, upstreams)
    try:
        if served:
            yield gateway
        else:
            async with running.running():
                yield gateway
    finally:
        for client in (*gateway.clients, *(upstream.client for upstream in upstreams.values())):
            await client.aclose()


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


def run_changed(workspace: str, sequence: int, run: str = "run_1", status: str = "running") -> RunChanged:
    return RunChanged.model_validate(
        {
            "workspace_id": workspace,
            "project_id": "prj_1",
            "sequence": sequence,
            "run_id": run,
            "plan_id": "pln_1",
            "status": status,
            "epoch": 1,
            "totals": {"running": sequence},
        }
    )
