"""What there is to see and to set of the inbound door."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, Field

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Page
from orchestra.gateway.adapters.work import GatewayWork
from orchestra.gateway.application.admit_broker_user import admit_broker_user, dismiss_broker_user
from orchestra.gateway.domain.door import BrokerUser, InboundMessage, Verdict
from orchestra.gateway.entrypoints.access import PREFIX, needs
from orchestra.gateway.entrypoints.bodies import STRICT

router = APIRouter(prefix=f"{PREFIX}/inbound", tags=["inbound"])

UserName = Annotated[str, Path(pattern=r"^[^\x00-\x1f\x7f]{1,255}$")]


class BrokerUserBody(BaseModel):
    model_config = STRICT

    kinds: Annotated[tuple[Literal["plan.requested.v1"], ...], Field(min_length=1)]


class BrokerUserView(BaseModel):
    name: str
    kinds: tuple[str, ...]


class InboundMessageView(BaseModel):
    """`times` counts a refused message that came again and again; `plan_id` is there when it was accepted."""

    id: str
    user: str | None
    routing_key: str
    source: str
    event_id: str
    kind: str
    verdict: Verdict
    reason: str | None
    detail: str | None
    plan_id: str | None
    at: datetime
    times: int


@router.get("", dependencies=[needs("read")])
async def list_messages(caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor) -> Page[InboundMessageView]:
    """What came, the newest first. Those whose user stands for no workspace are shown to operators."""
    homeless = "operator" in caller.grants
    messages = await view.inbound.page(caller.workspace_id, cursor.after, cursor.limit + 1, homeless=homeless)
    return cursor.page([_message(message) for message in messages], "id")


@router.get("/users", dependencies=[needs("admin")])
async def list_users(caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor) -> Page[BrokerUserView]:
    users = await view.broker_users.page(caller.workspace_id, cursor.after, cursor.limit + 1)
    return cursor.page([_user(user) for user in users], "name")


@router.put("/users/{broker_user}", response_model=BrokerUserView, dependencies=[needs("admin")])
async def admit(broker_user: UserName, body: BrokerUserBody, command: CurrentCommand) -> Response:
    """Let this user of the broker in, for the caller's workspace."""

    async def effect(work: GatewayWork) -> BrokerUserView:
        return _user(await admit_broker_user(work, broker_user, body.kinds, command.caller))

    return await command.run(effect)


@router.delete("/users/{broker_user}", status_code=204, dependencies=[needs("admin")])
async def dismiss(broker_user: UserName, command: CurrentCommand) -> Response:
    return await command.run(lambda work: dismiss_broker_user(work, broker_user, command.caller), status=204)


def _user(user: BrokerUser) -> BrokerUserView:
    return BrokerUserView(name=user.name, kinds=user.kinds)


def _message(message: InboundMessage) -> InboundMessageView:
    return InboundMessageView(
        id=message.id,
        user=message.user,
        routing_key=message.routing_key,
        source=message.stamp.source,
        event_id=message.stamp.event_id,
        kind=message.stamp.kind,
        verdict=message.verdict,
        reason=message.reason,
        detail=message.detail,
        plan_id=message.plan_id,
        at=message.at,
        times=message.times,
    )
