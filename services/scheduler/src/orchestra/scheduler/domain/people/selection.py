"""May this member take this task now? The checks of a selection, in their order; the first that fails refuses."""

from collections.abc import Sequence
from dataclasses import replace

from orchestra.scheduler.domain.errors import (
    DependenciesOpen,
    ManagerTakesNoTask,
    NotEstimated,
    NotReady,
    OneTaskAtATime,
    SchedulingError,
    WorkloadImpossible,
)
from orchestra.scheduler.domain.people.member import Member, obstacle
from orchestra.scheduler.domain.people.workload import BANDS, points_of, workload
from orchestra.scheduler.domain.timeline.calendar import Calendar
from orchestra.scheduler.domain.work.task import Task


def refusal(
    member: Member, task: Task, waits_for: Sequence[str], in_hand: Sequence[Task], calendar: Calendar
) -> SchedulingError | None:
    """Why the member may not take the task; None: they may. `waits_for`: the keys of what holds the task back.

    A manager takes nothing · estimated · ready · the role matches · dependencies met · one task at a time unless they
    have more slots · the workload stays possible.
    """
    if member.is_manager:
        return ManagerTakesNoTask(member.key)
    need = replace(task.need, declined=frozenset())  # who gave it back may think better of it
    if need.points is None and need.minutes is None:
        return NotEstimated(task.key)
    if task.status != "ready":
        behind = (f"it comes after {', '.join(waits_for)}",) if waits_for else ()
        return NotReady(task.key, f"it is {task.status}", *behind)
    if unfit := obstacle(member, need):
        return type(unfit)(member.key, *unfit.about[1:])
    if waits_for:
        return DependenciesOpen(task.key, *waits_for)
    if len(in_hand) >= member.slots:
        keys = ", ".join(each.key for each in in_hand)
        return OneTaskAtATime(f"{member.key} has {keys}", f"{len(in_hand)} of at most {member.slots}")
    return _too_much(member, task, in_hand, calendar)


def _too_much(member: Member, task: Task, in_hand: Sequence[Task], calendar: Calendar) -> WorkloadImpossible | None:
    before = workload(member, [each.need for each in in_hand], calendar)
    points = points_of(task.need, member.seniority, calendar)
    after = before + points
    if after.band != "impossible":
        return None
    return WorkloadImpossible(
        f"{member.key} has {float(before.score):g} points in hand and {task.key} has {float(points):g}",
        f"together {float(after.ratio):.2f} of a capacity of {float(after.capacity):g}",
        f"more than {float(BANDS[-1][0]):g}",
        f"{before.points_left} points are left",
    )
