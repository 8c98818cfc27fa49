"""A run that goes on from a step of another one."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, StringConstraints

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application.fork_run import ForkRequest, fork_run
from orchestra.scheduler.entrypoints.control import Key
from orchestra.scheduler.entrypoints.http import WithOptions
from orchestra.scheduler.entrypoints.shown import run_view
from orchestra.scheduler.entrypoints.views import RunView

router = APIRouter()

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")
]


class ForkRun(WithOptions):
    model_config = ConfigDict(populate_by_name=True)

    from_: list[Key] = Field(alias="from", min_length=1, max_length=1000)
    """Keys of tasks in the plan."""
    name: Name | None = None
    """Of the new project; without it after the first one's."""
    hold: bool = False
    """The new run is paused until somebody resumes it."""


@router.post("/runs/{run_id}/fork", response_model=RunView, status_code=201)
async def fork_this_run(run_id: str, request: ForkRun, command: CurrentCommand) -> Response:
    """Go on from these tasks beside the run: in a project of its own that has the same plan and team.

    What is done and does not come after them is adopted, with its outputs, and not executed.
    """
    wanted = ForkRequest(
        workspace_id=command.caller.workspace_id,
        run_id=run_id,
        keys=list(dict.fromkeys(request.from_)),
        requested_by=command.caller.subject,
        name=request.name,
        hold=request.hold,
        options=request.options(),
    )

    async def effect(work: SqlSchedulingWork) -> RunView:
        return await run_view(work, wanted.workspace_id, (await fork_run(work, wanted)).id)

    return await command.run(effect, status=201, location=lambda run: f"/runs/{run.id}")
