"""The state machines of tasks and runs, each as one table; whatever is not in the table is refused."""

from collections.abc import Mapping

from orchestra.contracts.ids import RunId, TaskId
from orchestra.contracts.scheduling import RunStatus, TaskStatus
from orchestra.scheduler.domain.errors import RefusedTransition

TASK_MOVES: Mapping[TaskStatus, frozenset[TaskStatus]] = {
    "blocked": frozenset({"ready", "failed", "cancelled", "skipped"}),
    "ready": frozenset({"blocked", "assigned", "queued", "failed", "cancelled", "skipped"}),
    "assigned": frozenset({"ready", "running", "in_review", "waiting", "done", "failed", "cancelled", "skipped"}),
    "queued": frozenset({"ready", "running", "in_review", "waiting", "done", "failed", "cancelled"}),
    "running": frozenset({"ready", "in_review", "waiting", "done", "failed", "cancelled"}),
    "in_review": frozenset({"ready", "waiting", "done", "failed", "cancelled"}),
    "waiting": frozenset({"ready", "running", "in_review", "done", "failed", "cancelled", "skipped"}),
    "failed": frozenset({"blocked", "ready", "cancelled", "skipped"}),
    "done": frozenset(),
    "cancelled": frozenset({"blocked", "ready", "waiting", "skipped"}),
    "skipped": frozenset(),
}
"""Not obvious from the names:

- A further try goes back to `ready`, with a not-before; so does a task that its assignee gives up.
- `queued` and `assigned` may become `done` without `running`: a start is reported only after a second, and a person
  may report the end alone. The outcome then brings the start, so that every done task has both dates.
- `blocked` and `ready` become `failed` when their deadline passes before they have begun.
- `ready` falls back to `blocked` when a newer plan version puts a dependency before it.
- `waiting` becomes `done` when a person accepts what an agent has done.
- `cancelled` is left when a newer plan has the task again; to `waiting` where it may have had its effect.
- `failed`, and `cancelled` by hand, end a task until a person decides otherwise: once more (`ready`, or `blocked` where
  something has to be done before), go on without it (`skipped`).
- A task that a fork adopts begins as `done`, and is told as a move from `blocked` that nothing else makes.
- A paused task is in no state of its own: it keeps the one it has, and nothing of it is started.
"""

TASK_AGAIN: frozenset[TaskStatus] = frozenset(
    {"assigned", "queued", "in_review", "done", "failed", "cancelled", "skipped"}
)
"""From these a task becomes `blocked` or `ready` when somebody has a part of the run done again. Nothing else undoes
what is done."""
TIMER_MOVES: Mapping[TaskStatus, frozenset[TaskStatus]] = {
    "ready": frozenset({"running"}),
    "running": frozenset({"skipped"}),
}
"""What a timer may beside these: nobody takes it, so it begins to count at once, and counting can be cut short."""

TERMINAL: frozenset[TaskStatus] = frozenset({"done", "failed", "cancelled", "skipped"})
"""Nothing more happens to such a task by itself."""

OPEN: frozenset[TaskStatus] = frozenset(TASK_MOVES) - TERMINAL

RELEASING: frozenset[TaskStatus] = frozenset({"done", "skipped"})
"""A predecessor in such a state no longer holds its successors back. A failed or cancelled one always does."""

BEGUN: frozenset[TaskStatus] = frozenset({"running", "in_review", "waiting", "done"})
"""A predecessor in such a state has started: in this try, for a task that goes back to `ready` begins anew."""

RUN_MOVES: Mapping[RunStatus, frozenset[RunStatus]] = {
    "accepted": frozenset({"running", "waiting", "paused", "finished", "failed", "cancelled"}),
    "running": frozenset({"waiting", "paused", "finished", "failed", "cancelled"}),
    "waiting": frozenset({"running", "paused", "finished", "failed", "cancelled"}),
    "paused": frozenset({"accepted", "running", "waiting", "finished", "failed", "cancelled"}),
    "failed": frozenset({"running", "waiting", "finished", "cancelled"}),
    "finished": frozenset({"running", "waiting", "failed"}),
    "cancelled": frozenset(),
}
"""Leaving `failed` reopens the run: a failed task is tried again or skipped. `finished` is left only when somebody has
a part of the run done again.

A run stays `paused` until somebody resumes it, whatever becomes of its tasks; then it is what they make of it, or
`accepted` while its plan has not come.
"""

RUN_OVER: frozenset[RunStatus] = frozenset({"finished", "cancelled"})
"""Nothing can be decided about such a run or its tasks any more, and neither goes on by itself."""

RUN_TERMINAL: frozenset[RunStatus] = frozenset({"finished", "failed", "cancelled"})
RUN_OPEN: frozenset[RunStatus] = frozenset(RUN_MOVES) - RUN_TERMINAL


def move_task(task: TaskId, before: TaskStatus, after: TaskStatus, *, timer: bool = False) -> TaskStatus:
    """`after`, where the table allows it; raises RefusedTransition."""
    if after not in TASK_MOVES[before] and not (timer and after in TIMER_MOVES.get(before, ())):
        raise RefusedTransition(task, before, after)
    return after


def move_again(task: TaskId, before: TaskStatus, after: TaskStatus) -> TaskStatus:
    """The same where a part of a run is done again."""
    if before not in TASK_AGAIN or after not in ("blocked", "ready"):
        raise RefusedTransition(task, before, after)
    return after


def move_run(run: RunId, before: RunStatus, after: RunStatus, epoch: int) -> int:
    """The run's epoch after the move; raises RefusedTransition.

    Reopening begins the next epoch, so that each epoch has exactly one terminal event.
    """
    if after not in RUN_MOVES[before]:
        raise RefusedTransition(run, before, after)
    return epoch + (before in RUN_TERMINAL)


_GOES_ON_ALONE: tuple[TaskStatus, ...] = ("ready", "queued", "running")
_NEEDS_A_PERSON: tuple[TaskStatus, ...] = ("assigned", "waiting", "in_review")


def run_status(
    machine: Mapping[TaskStatus, int], person: Mapping[TaskStatus, int], *, held: int = 0, counting: bool = False
) -> RunStatus:
    """What an open run is, from how many of its tasks are in which state: those that go on alone, those of people.

    `held` of those in review are done but for the gates of their ends; `counting`: a lag is being counted down, after
    which a task can go on.

    The first line that holds:

    | some task is …                                                                          | the run is |
    |---|---|
    | machine, timer: ready (a not-before included), queued, running                          | `running`  |
    | person: ready, assigned, running; either: waiting, in_review and not held               | `waiting`  |
    | blocked or held, and only time is missing (`counting`)                                  | `running`  |
    | failed, blocked or held                                                                 | `failed`   |
    | otherwise: all are done, skipped or cancelled because superseded, or there are none     | `finished` |

    A failed task stops only what is behind it: other branches go on, and while people still have reachable work the
    run waits for them. When the fourth line is reached every blocked or held task is behind a failed or cancelled one,
    since dependents are released in the transaction that completes their predecessor and the graph has no cycle.
    `accepted` (not begun), `paused` and `cancelled` (somebody's decisions) do not follow from totals.
    """
    if any(machine.get(status) for status in _GOES_ON_ALONE):
        return "running"
    if any(person.get(status) for status in _GOES_ON_ALONE):
        return "waiting"
    asked = sum(totals.get(status, 0) for totals in (machine, person) for status in _NEEDS_A_PERSON)
    if asked > held:
        return "waiting"
    if counting:
        return "running"
    if held or any(totals.get(status) for totals in (machine, person) for status in ("failed", "blocked")):
        return "failed"
    return "finished"
