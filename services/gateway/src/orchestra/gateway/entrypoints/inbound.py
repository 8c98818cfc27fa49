"""The inbound door: messages that other systems publish with broker users of their own."""

from functools import partial
from typing import Annotated, Any, Literal, Never

from opentelemetry.trace import SpanKind
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from pydantic_core import from_json

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Transient, Unavailable
from orchestra.chassis.http.problems import pointer
from orchestra.chassis.messaging.message import TYPE_PREFIX
from orchestra.chassis.messaging.transport import InboundMessage
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.tracing import span
from orchestra.gateway.adapters.services import Services
from orchestra.gateway.adapters.teams import HttpTeams
from orchestra.gateway.adapters.work import GatewayWork
from orchestra.gateway.application.accept_inbound import Door, InboundPlan, Letter, accept_inbound
from orchestra.gateway.domain.door import Arrival, Stamp
from orchestra.gateway.domain.errors import Refused
from orchestra.gateway.entrypoints.bodies import STRICT, Name, PlanBody

log = logger("inbound")

Attribute = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,255}$")]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class InboundPlanBody(PlanBody):
    """A plan request as another system publishes it."""

    model_config = STRICT

    project_name: Name
    project_id: Id | None = None
    workspace_id: str | None = None


class InboundEvent(BaseModel):
    """CloudEvents 1.0 in structured JSON; extensions that mean nothing here are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    specversion: Literal["1.0"]
    id: Attribute
    source: Attribute
    type: Attribute
    workspaceid: str | None = None
    traceparent: str | None = None
    data: dict[str, Any]


class InboundDoor:
    """What the transport hands every message to. Raises only Unavailable: then the message is kept."""

    def __init__(self, database: Database[GatewayWork], services: Services) -> None:
        self._door = Door(
            begin=database.begin,
            read=database.read,
            projects=services,
            policy=services,
            teams=HttpTeams(services),
        )

    async def __call__(self, message: InboundMessage) -> None:
        arrival = Arrival(message.user, message.routing_key, message.body)
        letter = open_letter(message.body)
        with span("inbound", letter.traceparent, service="gateway", kind=SpanKind.CONSUMER, root=True):
            try:
                row = await accept_inbound(self._door, arrival, letter)
            except Transient as error:
                raise Unavailable(str(error)) from error
            told = (
                {"verdict": row.verdict, "reason": row.reason, "plan_id": row.plan_id} if row else {"verdict": "known"}
            )
            log.info("inbound", user=message.user, routing_key=message.routing_key, **told)


def open_letter(body: bytes) -> Letter:
    try:
        event = InboundEvent.model_validate(from_json(body))
    except ValidationError as error:
        return _unreadable(_malformed(error))
    except ValueError as error:
        return _unreadable(Refused("malformed", f"This is no CloudEvent in JSON: {error}"))
    stamp = Stamp(event.source, event.id, event.type.removeprefix(TYPE_PREFIX))
    return Letter(stamp, partial(_read, event), event.traceparent)


def _unreadable(refusal: Refused) -> Letter:
    def refuse() -> Never:
        raise refusal

    return Letter(Stamp(), refuse)


def _read(event: InboundEvent) -> InboundPlan:
    try:
        body = InboundPlanBody.model_validate(event.data)
    except ValidationError as error:
        raise _malformed(error, "/data") from error
    return InboundPlan(body.wanted(), body.project_name, body.project_id, (event.workspaceid, body.workspace_id))


def _malformed(error: ValidationError, at: str = "") -> Refused:
    found = error.errors(include_url=False, include_input=False)
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return Refused("malformed", f"{at}{pointer(('body', *found[0]['loc']))}: {found[0]['msg']}{more}"[:2000])
