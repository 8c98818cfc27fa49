"""What moved between two schedules, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from orchestra.contracts.ids import TaskId
from orchestra.scheduler.domain.timeline.placement import Placement, Schedule


@dataclass(frozen=True)
class Moved:
    """The fields of the contract's Move. None before: newly planned; None after: no longer planned."""

    task_id: TaskId
    cause: str
    start_before: datetime | None = None
    start_after: datetime | None = None
    end_before: datetime | None = None
    end_after: datetime | None = None


def difference(before: Schedule | None, after: Schedule) -> tuple[Moved, ...]:
    """The tasks whose dates or member changed: those of `after` in plan order, then those no longer planned.

    The cause is what binds the new start, preceded by the change of member where there is one; for a task no longer
    planned, why it is unplaced, or `removed`.
    """
    return tuple(_moves(before or Schedule((), (), None), after))


def _moves(before: Schedule, after: Schedule) -> Iterator[Moved]:
    for new in after.placements:
        old = before.by_task.get(new.task)
        if old is None:
            yield Moved(new.task, str(new.cause), start_after=new.start, end_after=new.end)
        elif (old.start, old.end, old.member) != (new.start, new.end, new.member):
            yield Moved(new.task, _cause(old, new), old.start, new.start, old.end, new.end)
    reasons = {each.task: str(each) for each in after.unplaced}
    for old in before.placements:
        if old.task not in after.by_task:
            reason = reasons.get(old.task, "removed")
            yield Moved(old.task, reason, start_before=old.start, end_before=old.end)


def _cause(old: Placement, new: Placement) -> str:
    return str(new.cause) if old.member == new.member else f"member {old.member} → {new.member}, {new.cause}"
