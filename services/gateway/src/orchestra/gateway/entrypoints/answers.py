"""Answers to checkpoints: forwarded where the workspace has all content that they name."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field, ValidationError

from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.problems import pointer
from orchestra.contracts.ids import Sha256
from orchestra.contracts.planning import Fault
from orchestra.gateway.domain.errors import UnknownContent
from orchestra.gateway.entrypoints.access import PREFIX, CurrentServices, needs
from orchestra.gateway.entrypoints.bodies import Hash
from orchestra.gateway.entrypoints.forwarding import call, relay
from orchestra.gateway.entrypoints.routes import ANSWER

router = APIRouter(prefix=PREFIX)


class _Named(BaseModel):
    inputs: dict[str, Hash] = Field(default_factory=dict[str, Sha256])


@router.post(ANSWER.path, dependencies=[needs(ANSWER.grant)], include_in_schema=False)
async def answer(request: Request, caller: CurrentCaller, services: CurrentServices) -> Response:
    """A further try whose input nobody has uploaded would only fail."""
    body = await request.body()
    unknown = [path for path, sha256 in _contents(body).items() if not await services.knows_content(caller, sha256)]
    if unknown:
        detail = "the workspace has no such content; upload it first"
        raise UnknownContent(
            [Fault(pointer=pointer(("inputs", path)), code="unknown-content", detail=detail) for path in unknown]
        )
    return relay(await call(ANSWER, request, caller, services, body))


def _contents(body: bytes) -> dict[str, Sha256]:
    """What is not as it should be is the scheduler's to refuse."""
    try:
        return _Named.model_validate_json(body).inputs
    except ValidationError:
        return {}
