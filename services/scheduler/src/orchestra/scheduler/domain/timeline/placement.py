"""What a calculation answers: when and by whom each task is done, and why then."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from orchestra.contracts.ids import MemberId, TaskId

CauseKind = Literal["predecessor", "member busy", "calendar", "not before", "as of", "started", "done"]
Reason = Literal["no member", "member", "failed", "behind"]


@dataclass(frozen=True)
class Cause:
    """What a start is bound to; without it the task could start earlier.

    `predecessor` `task` ends then, or opens its gate by its `edge` · `member busy` with `task` until then ·
    `calendar`: nobody works before · `not before`: a gate · `as of`: the plan begins then · `started`, `done`: the
    dates are facts.
    """

    kind: CauseKind
    task: TaskId | None = None
    edge: str = ""
    """Of a predecessor: the kind and the lag, where it is more than finish to start."""

    def __str__(self) -> str:
        return (
            {"predecessor": "after", "member busy": "member busy with"}.get(self.kind, self.kind)
            + (f" {self.task}" if self.task else "")
            + (f" ({self.edge})" if self.edge else "")
        )


@dataclass(frozen=True)
class Placement:
    """`start` and `end` are as early as the dependencies, the members and the order of the plan allow; `late_start`
    and `late_end` are as late as can be without moving the project's end, each member keeping the order of their
    tasks. A done task has its actual dates in both places.
    """

    task: TaskId
    member: MemberId | None
    """None for a timer, and for a done task that nobody in particular did."""
    start: datetime
    end: datetime
    late_start: datetime
    late_end: datetime
    slack: int
    """Working minutes of the member by which the work may slip."""
    critical: bool
    share: float
    """The part of a working day the member gives to it; fixed once the task has started."""
    cause: Cause
    held: Cause | None = None
    """What the end waits for after the work is done (FF, SF); None: it ends with the work."""


@dataclass(frozen=True)
class Unplaced:
    """A task that should be planned and cannot be.

    `no member` can take it (`by`: the role) · `member` `by` has it and may not or cannot take it ·
    it has `failed` · it is `behind` the task `by`, which has failed, is cancelled or is itself unplaced.
    """

    task: TaskId
    reason: Reason
    by: str | None = None

    def __str__(self) -> str:
        return f"{self.reason} {self.by}" if self.by else self.reason


@dataclass(frozen=True)
class Schedule:
    placements: tuple[Placement, ...]
    unplaced: tuple[Unplaced, ...]
    """Both in plan order. Skipped and cancelled tasks are in neither."""
    project_end: datetime | None
    """BR-SCHED-006: the latest end of a task; None when none is placed."""

    @cached_property
    def by_task(self) -> dict[TaskId, Placement]:
        return {placement.task: placement for placement in self.placements}

    @property
    def critical_path(self) -> tuple[Placement, ...]:
        """The tasks whose slip moves the project's end, in the order of their starts."""
        return tuple(sorted((each for each in self.placements if each.critical), key=lambda each: each.start))
