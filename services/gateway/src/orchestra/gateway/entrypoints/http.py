"""The gateway's own endpoints on access: who am I, and API keys."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field
from pydantic_core import from_json

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.problems import Problem
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Page
from orchestra.gateway.adapters.identify import IdentifyByKey
from orchestra.gateway.adapters.work import GatewayWork
from orchestra.gateway.application.create_api_key import create_api_key, new_credential
from orchestra.gateway.application.revoke_api_key import revoke_api_key
from orchestra.gateway.domain.api_key import ApiKey
from orchestra.gateway.entrypoints.access import PREFIX, needs
from orchestra.gateway.entrypoints.bodies import STRICT, Name

router = APIRouter(prefix=PREFIX, tags=["access"])

Grant = Literal["read", "write", "operator", "admin"]


class ApiKeyBody(BaseModel):
    model_config = STRICT

    name: Name
    grants: Annotated[tuple[Grant, ...], Field(min_length=1)]
    expires_at: AwareDatetime | None = None


class ApiKeyView(BaseModel):
    id: str
    name: str
    grants: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class NewApiKey(ApiKeyView):
    key: str | None
    """The credential, this once; a replayed answer has none, because it is kept nowhere."""


class WorkspaceView(BaseModel):
    id: str
    name: str


class Me(BaseModel):
    subject: str
    grants: tuple[str, ...]
    workspace: WorkspaceView
    key: ApiKeyView


@router.get("/me")
async def me(caller: CurrentCaller, view: CurrentView) -> Me:
    """Whose credential this is and what it may do."""
    key = await view.keys.get(caller.workspace_id, caller.subject)
    return Me(
        subject=caller.subject,
        grants=caller.grants,
        workspace=WorkspaceView(id=caller.workspace_id, name=await view.workspaces.name_of(caller.workspace_id)),
        key=_key(key),
    )


@router.post("/api-keys", status_code=201, response_model=NewApiKey, dependencies=[needs("admin")])
async def create_key(body: ApiKeyBody, command: CurrentCommand, request: Request) -> Response:
    """A key for this workspace, with grants that the caller holds."""
    if body.expires_at is not None and body.expires_at <= request.app.state.room.clock.now():
        raise Problem(422, "already-expired", "expires_at is in the past")
    credential = new_credential(request.app.state.room.settings.environment)
    shown: list[str] = []

    async def effect(work: GatewayWork) -> ApiKeyView:
        grants = tuple(dict.fromkeys(body.grants))
        key = await create_api_key(
            work, credential, name=body.name, grants=grants, expires_at=body.expires_at, requester=command.caller
        )
        shown.append(credential.text)
        return _key(key)

    # What is stored for a repetition is the answer without the secret.
    answer = await command.run(effect, status=201, location=lambda key: f"{PREFIX}/api-keys/{key.id}")
    created = {**from_json(bytes(answer.body)), "key": next(iter(shown), None)}
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return JSONResponse(created, answer.status_code, headers)


@router.get("/api-keys", dependencies=[needs("admin")])
async def list_keys(caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor) -> Page[ApiKeyView]:
    keys = await view.keys.page(caller.workspace_id, cursor.after, cursor.limit + 1)
    return cursor.page([_key(key) for key in keys], "id")


@router.get("/api-keys/{key_id}", dependencies=[needs("admin")])
async def show_key(key_id: str, caller: CurrentCaller, view: CurrentView) -> ApiKeyView:
    return _key(await view.keys.get(caller.workspace_id, key_id))


@router.delete("/api-keys/{key_id}", status_code=204, dependencies=[needs("admin")])
async def revoke_key(key_id: str, command: CurrentCommand, request: Request) -> Response:
    """The key opens nothing any more: here at once, in other replicas within seconds."""
    identify: IdentifyByKey = request.app.state.identify
    answer = await command.run(lambda work: revoke_api_key(work, key_id, command.caller), status=204)
    identify.forget(key_id)
    return answer


def _key(key: ApiKey) -> ApiKeyView:
    return ApiKeyView.model_validate(key, from_attributes=True)
