"""Dispatches and attempts as tests need them."""

from datetime import UTC, datetime
from typing import Any

from orchestra.chassis.ids import new_id
from orchestra.contracts.planning import Command
from orchestra.contracts.scheduling import DispatchRecalled, DispatchWithdrawn, Handed, RunChanged, TaskDispatched
from orchestra.executor.domain.attempt import HeldAttempt

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def dispatched(command: Command, **fields: Any) -> TaskDispatched:
    known = {
        "workspace_id": "wsp_1",
        "project_id": "prj_1",
        "run_id": "run_1",
        "task_id": new_id("tsk"),
        "attempt_id": new_id("att"),
        "number": 1,
        "token": 7,
        "title": "A task",
        "at": AT,
    }
    handed_on = tuple(Handed(path=each.path, sha256=each.sha256) for each in fields.pop("handed_on", ()))
    return TaskDispatched(command=command, handed_on=handed_on, **(known | fields))


def python(code: str, **fields: Any) -> Command:
    """A command that runs this code."""
    return Command(argv=("python3", "-c", code), tools=("python3",), **fields)


def withdrawn(event: TaskDispatched, reason: str = "The run was cancelled.") -> DispatchWithdrawn:
    return DispatchWithdrawn(
        workspace_id=event.workspace_id,
        project_id=event.project_id,
        task_id=event.task_id,
        attempt_id=event.attempt_id,
        reason=reason,
    )


def recalled(event: TaskDispatched) -> DispatchRecalled:
    return DispatchRecalled(
        workspace_id=event.workspace_id,
        project_id=event.project_id,
        task_id=event.task_id,
        attempt_id=event.attempt_id,
        token=event.token,
        reason="The run was paused.",
    )


def cancelled(event: TaskDispatched) -> RunChanged:
    """The run of this dispatch, cancelled."""
    return RunChanged(
        workspace_id=event.workspace_id,
        project_id=event.project_id,
        run_id=event.run_id,
        plan_id="pln_1",
        status="cancelled",
        epoch=1,
        totals={},
        cause="The run was cancelled.",
    )


def held(command: Command, *, owner: str = "host/1", **fields: Any) -> HeldAttempt:
    return HeldAttempt(dispatched(command, **fields), owner, AT, trace=None)
