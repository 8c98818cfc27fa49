"""Servers of tools over HTTP: the operator's are shown, a project's own are set. A token is written and never read."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.views import CurrentView
from orchestra.executor.adapters.agents.tool_desk import ServerView, ToolDesk, ToolView
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.agents.servers.ports import ServerStatus
from orchestra.executor.application.agents.servers.remove_server import remove_server
from orchestra.executor.application.agents.servers.set_server import set_server
from orchestra.executor.domain.errors import UnknownToolServer

router = APIRouter()
SERVERS = "/projects/{project_id}/tool-servers"

Name = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class GivenToolServer(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    url: Annotated[str, Field(min_length=1, max_length=500)]
    """Where it speaks MCP over streamable HTTP: a public address, unless the operator allows others."""
    token: Annotated[SecretStr | None, Field(min_length=8, max_length=4000)] = None
    """Sent as `Authorization: Bearer`. Without one in the request it has none afterwards."""


class ToolServerList(BaseModel):
    data: list[ServerView]


class ProjectToolServerList(BaseModel):
    data: list[ServerStatus]


class ToolServerTest(BaseModel):
    name: str
    ok: bool
    detail: str
    tools: list[ToolView]
    left_out: list[str]
    """What it has besides and no agent is given, and why."""


@router.get("/tool-servers")
async def list_servers(request: Request, caller: CurrentCaller) -> ToolServerList:
    """The operator's, and whether they answered when they were last asked."""
    del caller  # known is enough: they are the same for all
    return ToolServerList(data=list(_desk(request).views()))


@router.get(SERVERS)
async def list_project_servers(project_id: str, caller: CurrentCaller, view: CurrentView) -> ProjectToolServerList:
    """The project's own, without their tokens."""
    work: ExecutorWork = view
    return ProjectToolServerList(data=list(await work.tool_servers.of_project(caller.workspace_id, project_id)))


@router.get(f"{SERVERS}/{{name}}")
async def show_project_server(project_id: str, name: Name, caller: CurrentCaller, view: CurrentView) -> ServerStatus:
    work: ExecutorWork = view
    stored = await work.tool_servers.find(caller.workspace_id, project_id, name)
    if stored is None:
        raise UnknownToolServer(name)
    return stored.status


@router.put(f"{SERVERS}/{{name}}", response_model=ServerStatus)
async def put_project_server(
    project_id: str, name: Name, body: GivenToolServer, request: Request, command: CurrentCommand
) -> Response:
    """Keep a server for the project's agents, its token sealed; it goes before one of the operator's of that name."""
    desk, workspace = _desk(request), command.caller.workspace_id
    url = body.url.rstrip("/")
    await desk.ways.projects.check(url)
    token = body.token.get_secret_value() if body.token else None
    return await command.run(lambda work: set_server(work, desk.vault, workspace, project_id, name, url, token))


@router.delete(f"{SERVERS}/{{name}}", status_code=204)
async def delete_project_server(project_id: str, name: Name, command: CurrentCommand) -> Response:
    workspace = command.caller.workspace_id
    return await command.run(lambda work: remove_server(work, workspace, project_id, name), status=204)


@router.post(f"{SERVERS}/{{name}}/test")
async def try_server(project_id: str, name: Name, request: Request, caller: CurrentCaller) -> ToolServerTest:
    """Ask a server that the project can reach for its tools."""
    tried = await _desk(request).try_out(caller.workspace_id, project_id, name)
    return ToolServerTest(
        name=name, ok=tried.ok, detail=tried.detail, tools=list(tried.tools), left_out=list(tried.left_out)
    )


def _desk(request: Request) -> ToolDesk:
    desk: ToolDesk = request.app.state.tools
    return desk
