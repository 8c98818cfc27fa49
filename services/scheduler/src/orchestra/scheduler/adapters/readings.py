"""What the scheduler reads of itself: runs, the tasks of open ones, schedules that are behind."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, get_args

from sqlalchemy import exists, func, or_, select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.findings import Finding, value
from orchestra.chassis.telemetry.metrics import Measure, Reading, gauge
from orchestra.contracts.scheduling import RunStatus, TaskStatus
from orchestra.scheduler.adapters.tables import PROJECT, RUN, TASK
from orchestra.scheduler.domain.work.status import RUN_OPEN

RUNS = gauge("orchestra.runs", "{run}", "Runs by status.", "status")
TASKS = gauge("orchestra.tasks", "{task}", "Tasks of open runs by status.", "status")
STUCK = gauge("orchestra.runs.stuck", "{run}", "Runs that should go on by themselves, and of which nothing is in hand.")
STALE = gauge("orchestra.schedules.stale", "{project}", "Projects whose schedule is older than their work.")
STALENESS = gauge("orchestra.schedule.staleness", "s", "How long the longest overdue calculation is overdue.")

LABELS = {"service": "scheduler"}
STILL = timedelta(minutes=5)
"""A run that began within this time is not called stuck."""
STALE_S = 60.0
AT_REST = ("blocked", "ready", "done", "failed", "cancelled", "skipped")
"""Statuses of tasks that nobody has in hand."""


async def read_schedule_and_runs(view: UnitOfWork) -> Iterable[Reading]:
    run = view.connection.execute
    runs = await run(select(RUN.c.status, func.count()).group_by(RUN.c.status))
    open_runs = RUN.c.status.in_(sorted(RUN_OPEN))
    of_runs = select(TASK.c.status, func.count()).select_from(RUN.join(TASK, TASK.c.run_id == RUN.c.id))
    tasks = await run(of_runs.where(open_runs).group_by(TASK.c.status))
    behind = select(func.count(), func.min(PROJECT.c.rests_until)).where(PROJECT.c.stale_cause.is_not(None))
    stale, rested = (await run(behind)).one()
    return [
        *_by_status(RUNS, get_args(RunStatus), runs),
        *_by_status(TASKS, get_args(TaskStatus), tasks),
        Reading(STUCK, await _stuck(view), LABELS),
        Reading(STALE, stale, LABELS),
        Reading(STALENESS, max(0.0, (view.now - rested).total_seconds()) if rested else 0.0, LABELS),
    ]


def _by_status(gauge: Measure, statuses: Sequence[str], rows: Iterable[Any]) -> Iterator[Reading]:
    """Statuses that nothing is in are shown as 0: what has gone is seen to have gone."""
    counts = {row[0]: row[1] for row in rows}
    for status in dict.fromkeys((*statuses, *counts)):
        yield Reading(gauge, counts.get(status, 0), {**LABELS, "status": status})


async def _stuck(view: UnitOfWork) -> int:
    """Slots are shared by the runs of a project: one may wait for another one's, but not while none is taken."""
    in_hand = exists().where(
        TASK.c.workspace_id == RUN.c.workspace_id,
        TASK.c.project_id == RUN.c.project_id,
        TASK.c.status.not_in(AT_REST),
    )
    paused = exists().where(TASK.c.run_id == RUN.c.id, TASK.c.status == "ready", TASK.c.not_before > view.now - STILL)
    began = or_(RUN.c.started_at < view.now - STILL, RUN.c.started_at.is_(None) & (RUN.c.created_at < view.now - STILL))
    query = select(func.count()).select_from(RUN).where(RUN.c.status == "running", began, ~in_hand, ~paused)
    return (await view.connection.execute(query)).scalar_one()


def diagnose(readings: Sequence[Reading]) -> Iterator[Finding]:
    if stuck := value(readings, STUCK):
        yield Finding(
            alert="OrchestraRunStuck",
            severity="error",
            problem=f"scheduler: {stuck:.0f} runs should go on by themselves, and nothing of them is in hand",
            step="orchestra runs ls, then orchestra task explain ID for a task that should go on",
        )
    if (staleness := value(readings, STALENESS)) > STALE_S:
        yield Finding(
            alert="OrchestraScheduleStale",
            severity="warning",
            problem=f"scheduler: {value(readings, STALE):.0f} schedules are behind, one for {staleness:.0f} s",
            step="look for `recalculation` and `schedule cannot be calculated` in the log of scheduler",
        )
