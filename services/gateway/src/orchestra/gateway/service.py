"""The gateway, declared: what it is made of and how it is wired."""

import sys
from typing import Any

import httpx

from orchestra.chassis.http.identity import TokenSigner
from orchestra.chassis.service import Room, Service
from orchestra.contracts import catalog
from orchestra.gateway.adapters.identify import IdentifyByKey
from orchestra.gateway.adapters.services import Services, clients_of
from orchestra.gateway.adapters.tables import metadata
from orchestra.gateway.adapters.work import GatewayWork
from orchestra.gateway.application.bootstrap import bootstrap
from orchestra.gateway.domain import errors
from orchestra.gateway.domain.api_key import Credential
from orchestra.gateway.entrypoints import (
    answers,
    budgets,
    door,
    forwarding,
    http,
    openapi,
    operating,
    output,
    plans,
    projects,
    streams,
)
from orchestra.gateway.entrypoints.access import PREFIX
from orchestra.gateway.entrypoints.events import subscriptions
from orchestra.gateway.entrypoints.inbound import InboundDoor
from orchestra.gateway.settings import GatewaySettings

REFUSALS: dict[type[Exception], int] = {
    errors.KeyRefused: 401,
    errors.GrantNotHeld: 403,
    errors.PolicyDenied: 403,
    errors.UnknownApiKey: 404,
    errors.UnknownOperation: 404,
    errors.UnknownProject: 404,
    errors.UnknownRun: 404,
    errors.UnknownAttempt: 404,
    errors.UnknownBrokerUser: 404,
    errors.KeyTaken: 409,
    errors.BrokerUserTaken: 409,
    errors.ProjectArchived: 409,
    errors.DocumentTooLarge: 413,
    errors.BinaryDocument: 422,
    errors.InvalidPlace: 422,
    errors.TaskTooLarge: 422,
    errors.UnknownContent: 422,
}


async def wire(room: Room[GatewayWork, GatewaySettings]) -> None:
    """A host that runs all services in one process has left its own clients in `app.state.clients`."""
    state, settings = room.app.state, room.settings
    clients: dict[str, httpx.AsyncClient] | None = getattr(state, "clients", None)
    services = Services(clients or clients_of(settings), TokenSigner(settings.internal_private_key, room.clock))
    if clients is None:
        room.on_stop.append(services.close)
    state.services = services
    state.identify = IdentifyByKey(room.database, room.clock)
    room.inbound = InboundDoor(room.database, services)
    await _begin(room)


async def _begin(room: Room[GatewayWork, GatewaySettings]) -> None:
    given = room.settings.bootstrap_key
    async with room.database.begin() as work:
        made = await bootstrap(work, room.settings.environment, Credential.parse(given) if given else None)
    if made is not None:
        sys.stdout.write(f"bootstrap key: {made.text}\n")
        sys.stdout.flush()


service: Service[Any, Any] = Service(
    name="gateway",
    settings=GatewaySettings,
    work=GatewayWork,
    metadata=metadata,
    migrations="orchestra.gateway.migrations",
    subscriptions=subscriptions,
    routers=(
        http.router,
        plans.router,
        answers.router,
        budgets.router,
        projects.router,
        streams.router,
        output.router,
        door.router,
        operating.router,
        operating.public,
        openapi.router,
        forwarding.router,
    ),
    refusals=REFUSALS,
    bindings=catalog.bindings(),
    wire=wire,
    front=True,
    streamed=(f"{PREFIX}/artifacts/",),
)
