"""Models, and the choice and keys of projects, over HTTP. A key is written and never read."""

from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentView
from orchestra.executor.adapters.models.desk import ModelDesk, ModelView
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.models.choices import ChosenModel
from orchestra.executor.application.models.choose_model import choose_model
from orchestra.executor.application.models.keys import KeyStatus
from orchestra.executor.application.models.ports import Health
from orchestra.executor.application.models.remove_key import remove_key
from orchestra.executor.application.models.set_key import set_key
from orchestra.executor.application.models.unchoose_model import unchoose_model
from orchestra.executor.domain.errors import NoProjectKey, NoProjectModel

router = APIRouter()
CHOICE = "/projects/{project_id}/model"
KEYS = "/projects/{project_id}/model-keys"


class GivenChoice(BaseModel):
    model_config = ConfigDict(extra="forbid")

    choice: Annotated[str, Field(min_length=1, max_length=200)]
    """A model's name as `GET /models` has it, or a tier: `local`, `small`, `large`."""


class GivenKey(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    key: Annotated[SecretStr, Field(min_length=8, max_length=500)]
    url: Annotated[str | None, Field(max_length=500)] = None
    """Where its API begins, without `/v1`, in place of the provider's own: a public address, unless the operator allows
    others."""


class Models(BaseModel):
    data: list[ModelView]


class ProjectKeyList(BaseModel):
    data: list[KeyStatus]


class KeyTest(BaseModel):
    provider: str
    ok: bool
    detail: str
    models: list[str]
    """Those that the key may ask, as the provider says."""


@router.get("/models")
async def list_models(request: Request, caller: CurrentCaller) -> Models:
    """What is configured, with its price and whether it can be asked now."""
    del caller  # known is enough: the house's models are the same for all
    return Models(data=list(await _desk(request).views()))


@router.get(CHOICE)
async def show_choice(project_id: str, caller: CurrentCaller, view: CurrentView) -> ChosenModel:
    """What the project has chosen; where it has nothing, kind and difficulty decide."""
    work: ExecutorWork = view
    chosen = await work.project_models.find(caller.workspace_id, project_id)
    if chosen is None:
        raise NoProjectModel(project_id)
    return chosen


@router.put(CHOICE, response_model=ChosenModel)
async def put_choice(project_id: str, body: GivenChoice, request: Request, command: CurrentCommand) -> Response:
    """Ask this model, or this tier, first for whatever the project asks, unless a task or its agent says otherwise."""
    routes, workspace = _desk(request).catalogue.routes, command.caller.workspace_id
    return await command.run(lambda work: choose_model(work, routes, workspace, project_id, body.choice))


@router.delete(CHOICE, status_code=204)
async def delete_choice(project_id: str, command: CurrentCommand) -> Response:
    workspace = command.caller.workspace_id
    return await command.run(lambda work: unchoose_model(work, workspace, project_id), status=204)


@router.get(KEYS)
async def list_keys(project_id: str, caller: CurrentCaller, view: CurrentView) -> ProjectKeyList:
    """The project's own keys, without the keys."""
    work: ExecutorWork = view
    return ProjectKeyList(data=list(await work.project_keys.of_project(caller.workspace_id, project_id)))


@router.get(f"{KEYS}/{{provider}}")
async def show_key(project_id: str, provider: str, caller: CurrentCaller, view: CurrentView) -> KeyStatus:
    work: ExecutorWork = view
    stored = await work.project_keys.find(caller.workspace_id, project_id, provider)
    if stored is None:
        raise NoProjectKey(provider)
    return stored.status


@router.put(f"{KEYS}/{{provider}}", response_model=KeyStatus)
async def put_key(
    project_id: str, provider: str, body: GivenKey, request: Request, command: CurrentCommand
) -> Response:
    """Keep a key for the project, sealed; requests for it go out with this one in place of the house's."""
    desk = _desk(request)
    desk.provider(provider)
    seals = desk.seals()
    url = body.url.rstrip("/").removesuffix("/v1") if body.url else None
    if url is not None:
        await desk.outward.check(url)
    key, workspace = body.key.get_secret_value(), command.caller.workspace_id
    return await command.run(lambda work: set_key(work, seals, workspace, project_id, provider, key, url))


@router.delete(f"{KEYS}/{{provider}}", status_code=204)
async def delete_key(project_id: str, provider: str, command: CurrentCommand) -> Response:
    workspace = command.caller.workspace_id
    return await command.run(lambda work: remove_key(work, workspace, project_id, provider), status=204)


@router.post(f"{KEYS}/{{provider}}/test")
async def try_key(project_id: str, provider: str, request: Request, caller: CurrentCaller) -> KeyTest:
    """Ask the provider for its models with the project's key; that costs nothing."""
    desk = _desk(request)
    found = desk.provider(provider)
    database: Database[ExecutorWork] = request.app.state.database
    async with database.read() as view:
        if await view.project_keys.find(caller.workspace_id, project_id, provider) is None:
            raise NoProjectKey(provider)
    access = await desk.keys.access(caller.workspace_id, project_id, found)
    if access is None:
        raise NoProjectKey(provider)
    health: Health = await desk.probe.look(found, access)
    return KeyTest(provider=provider, ok=health.ok, detail=health.detail, models=list(health.models))


def _desk(request: Request) -> ModelDesk:
    desk: ModelDesk = request.app.state.models
    return desk
