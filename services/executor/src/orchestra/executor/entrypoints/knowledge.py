"""What is known of a project, over HTTP: people look, add and remove."""

import re
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.identity import CurrentCaller
from orchestra.chassis.http.problems import Problem
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Cursor, Page
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.knowledge.add_finding import add_finding
from orchestra.executor.application.knowledge.ports import KnownFinding, Place
from orchestra.executor.application.knowledge.remove_finding import remove_finding
from orchestra.executor.application.knowledge.search import search
from orchestra.executor.domain.knowledge.errors import UnknownFinding
from orchestra.executor.domain.knowledge.finding import KINDS, MOST_CHARACTERS, FindingKind

router = APIRouter(prefix="/projects/{project_id}/knowledge", tags=["knowledge"])

_PLACE = re.compile("[0-9]{1,9}")
"""How a cursor of a search is written; one of the list is an id."""


class FindingRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: FindingKind
    text: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
    """Kept as one line."""


class FindingView(BaseModel):
    """A finding, with where it comes from: an agent's attempt, or a person."""

    id: str
    kind: FindingKind
    text: str
    run_id: str | None
    task_id: str | None
    task_key: str | None
    attempt_id: str | None
    agent: str | None
    """By its name."""
    person: str | None
    """By their key."""
    at: datetime
    place: int | None = None
    """Where it stands among what was found, from 1; null where nothing was searched for."""


@router.get("")
async def list_knowledge(
    project_id: str,
    caller: CurrentCaller,
    view: CurrentView,
    cursor: CurrentCursor,
    q: Annotated[str | None, Query(min_length=1, max_length=500, description="Words; any of them is enough.")] = None,
    kind: Annotated[FindingKind | None, Query()] = None,
) -> Page[FindingView]:
    """All of it, the newest first; with `q` what has any of the words, the best first."""
    work: ExecutorWork = view
    where = Place(caller.workspace_id, project_id)
    if q is None:
        before = _before(cursor)
        found = await work.findings.newest(where, [kind] if kind else KINDS, limit=cursor.limit + 1, before=before)
        return cursor.page([_shown(each) for each in found], "id")
    offset = _offset(cursor)
    found = await search(work, where, q, kind, limit=cursor.limit + 1, offset=offset)
    return cursor.page([_shown(each, place) for place, each in enumerate(found, offset + 1)], "place")


@router.post("", status_code=201, response_model=FindingView)
async def post_finding(project_id: str, body: FindingRequest, command: CurrentCommand) -> Response:
    """Add one. Also what was removed before: agents do not bring that back, people may."""
    caller = command.caller
    where = Place(caller.workspace_id, project_id)

    async def effect(work: ExecutorWork) -> FindingView:
        return _shown(await add_finding(work, where, body.kind, body.text, caller.subject))

    path = f"/projects/{project_id}/knowledge"
    return await command.run(effect, status=201, location=lambda shown: f"{path}/{shown.id}")


@router.get("/{finding_id}")
async def show_finding(project_id: str, finding_id: str, caller: CurrentCaller, view: CurrentView) -> FindingView:
    work: ExecutorWork = view
    found = await work.findings.find(Place(caller.workspace_id, project_id), finding_id)
    if found is None:
        raise UnknownFinding(finding_id)
    return _shown(found)


@router.delete("/{finding_id}", status_code=204)
async def delete_finding(project_id: str, finding_id: str, command: CurrentCommand) -> Response:
    """Remove it. Its text is gone; its hash stays, so that no agent brings it back."""
    caller = command.caller
    where = Place(caller.workspace_id, project_id)
    return await command.run(lambda work: remove_finding(work, where, finding_id, caller.subject), status=204)


def _shown(known: KnownFinding, place: int | None = None) -> FindingView:
    origin = known.origin
    return FindingView(
        id=known.id,
        kind=known.finding.kind,
        text=known.finding.text,
        run_id=origin.run_id,
        task_id=origin.task_id,
        task_key=origin.task_key,
        attempt_id=origin.attempt_id,
        agent=origin.agent,
        person=origin.person,
        at=known.at,
        place=place,
    )


def _before(cursor: Cursor) -> str | None:
    """Raises Problem for a cursor of a search."""
    if cursor.after is not None and _PLACE.fullmatch(cursor.after):
        raise _elsewhere()
    return cursor.after


def _offset(cursor: Cursor) -> int:
    """Raises Problem for a cursor of the list."""
    if cursor.after is not None and not _PLACE.fullmatch(cursor.after):
        raise _elsewhere()
    return int(cursor.after or 0)


def _elsewhere() -> Problem:
    return Problem(422, "invalid-cursor", "this cursor belongs to another list")
