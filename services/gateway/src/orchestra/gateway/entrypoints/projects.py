"""Projects as a whole: exported, in and out of the archive, and forked: the scheduler decides, the planner hears."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel
from pydantic_core import from_json

from orchestra.chassis.errors import Unavailable
from orchestra.chassis.http.identity import Caller, CurrentCaller
from orchestra.gateway.adapters.project_export import ProjectExport
from orchestra.gateway.adapters.services import Answer, Services, segment
from orchestra.gateway.domain.errors import UnknownProject
from orchestra.gateway.entrypoints.access import PREFIX, CurrentServices, needs
from orchestra.gateway.entrypoints.forwarding import call, passed_back, relay
from orchestra.gateway.entrypoints.routes import FORK, Route

ARCHIVE = Route("POST", "/projects/{project_id}/archive", "scheduler", "write", in_project=True)
UNARCHIVE = Route("POST", "/projects/{project_id}/unarchive", "scheduler", "write", in_project=True)

PATIENCE_S = 5.0
"""For the planner to hear of it."""

router = APIRouter(prefix=PREFIX, tags=["projects"])


class ProjectView(BaseModel):
    id: str
    name: str
    description: str
    created_at: datetime
    archived_at: datetime | None


@router.post(ARCHIVE.path, dependencies=[needs("write")], response_model=ProjectView)
async def archive(project_id: str, request: Request, caller: CurrentCaller, services: CurrentServices) -> Response:
    """Into the archive, where it takes no changes. 409 with their ids while runs are open."""
    return await _file(ARCHIVE, project_id, request, caller, services)


@router.post(UNARCHIVE.path, dependencies=[needs("write")], response_model=ProjectView)
async def unarchive(project_id: str, request: Request, caller: CurrentCaller, services: CurrentServices) -> Response:
    """Out of the archive."""
    return await _file(UNARCHIVE, project_id, request, caller, services)


@router.get(
    "/projects/{project_id}/export",
    dependencies=[needs("read")],
    response_class=StreamingResponse,
    responses={200: {"content": {"application/zip": {}}, "description": "A zip with a manifest of hashes."}},
)
async def export(
    project_id: str,
    request: Request,
    caller: CurrentCaller,
    services: CurrentServices,
    artifacts: Annotated[bool, Query(description="With what tasks produced.")] = True,
) -> Response:
    """Everything about a project, streamed: an answer that is cut off is no zip."""
    shown = await services.ask("planner", caller, "GET", f"/projects/{segment(project_id)}")
    if shown.status_code == 404:
        raise UnknownProject(f"There is no project {project_id}.")
    whole = ProjectExport(services, caller, shown.json(), request.app.state.room.clock.now())
    headers = {"Content-Disposition": f'attachment; filename="{quote(project_id, safe="")}.zip"'}
    return StreamingResponse(whole.parts(artifacts=artifacts), 200, headers, "application/zip")


@router.post(FORK.path, dependencies=[needs(FORK.grant)], include_in_schema=False)
async def fork(request: Request, caller: CurrentCaller, services: CurrentServices) -> Response:
    """201 with the new run once the planner shows its project; 202 when that takes long: it has begun all the same."""
    answer = await call(FORK, request, caller, services)
    if answer.status_code != 201:
        return relay(answer)
    body = await services.read("scheduler", answer)
    try:
        _, heard = await _heard(services, caller, str(from_json(body)["project_id"]), lambda shown: shown.is_success)
    except Unavailable:
        heard = False
    return Response(body, 201 if heard else 202, passed_back(answer))


async def _file(route: Route, project_id: str, request: Request, caller: Caller, services: Services) -> Response:
    """200 with the project once the planner shows it so; 202 when that takes long: it is decided all the same."""
    answer = await call(route, request, caller, services)
    if answer.status_code != 200:
        return relay(answer)
    await answer.aclose()

    def as_decided(shown: Answer) -> bool:
        return not shown.is_success or (shown.json()["archived_at"] is not None) == (route is ARCHIVE)

    shown, heard = await _heard(services, caller, project_id, as_decided)
    return JSONResponse(shown.json(), shown.status_code if heard else 202)


async def _heard(
    services: Services, caller: Caller, project_id: str, what: Callable[[Answer], bool]
) -> tuple[Answer, bool]:
    """What the planner shows of the project once that is true, or when all patience is over; and whether it is."""
    until = monotonic() + PATIENCE_S
    while True:
        shown = await services.ask("planner", caller, "GET", f"/projects/{segment(project_id)}")
        if (heard := what(shown)) or monotonic() >= until:
            return shown, heard
        await asyncio.sleep(0.05)
