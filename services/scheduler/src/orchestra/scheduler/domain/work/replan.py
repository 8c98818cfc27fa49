"""What a newer plan makes of a task that the scheduler knows already.

A task is the same through all versions of a plan by its id. What has been started is never lost and never done twice;
what has not goes by the newest plan.
"""

from typing import Literal

from orchestra.contracts.planning import DecomposedTask
from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.domain.people.member import Need
from orchestra.scheduler.domain.work.task import TIMER, Task, pool_of

Fate = Literal["same", "changed", "withdrawn", "kept", "cancelled", "retired", "revived", "undecided"]
"""Planned:

- `same`: nothing changes.
- `changed`: it was not started, and goes by the newer plan.
- `withdrawn`: so does what was given to somebody and not started; it is taken back first.
- `kept`: it was started or has ended, and stays as it is; a further try goes by the newer plan.
- `revived`: it was cancelled by a plan that had it no longer, or with its run, and is to be done after all.
- `undecided`: so was this, but in the middle of a command that may not be repeated: a person must decide.

Not planned any more:

- `cancelled`: it was not started.
- `retired`: it was started or has ended; what is under way ends as it would have, and is not tried again.
"""

_BEGUN: frozenset[TaskStatus] = frozenset({"running", "in_review", "waiting", "done", "failed", "skipped"})
_TAKEN: frozenset[TaskStatus] = frozenset({"queued", "assigned"})


def begun(task: Task) -> bool:
    """Whether the task is started or has ended.

    A start is told only after a second. So a queued command counts as started where it may not be done twice.
    """
    return task.status in _BEGUN or (task.status == "queued" and not _repeatable(task))


def fate(task: Task, *, planned: bool, same: bool, comes_back: bool) -> Fate:
    """`same`: the newer plan says the same of the task and of what it depends on.

    `comes_back`: it was cancelled by nobody's decision about this very task.
    """
    if not planned:
        return "retired" if begun(task) or task.status == "cancelled" else "cancelled"
    if task.status == "cancelled":
        if not comes_back:
            return "same"
        return "undecided" if task.attempts and not _repeatable(task) else "revived"
    if same:
        return "same"
    if begun(task):
        return "kept"
    return "withdrawn" if task.status in _TAKEN else "changed"


def _repeatable(task: Task) -> bool:
    return task.command is None or task.command.repeatable


def pool_of_definition(task: DecomposedTask) -> str:
    """The pool of whoever may take the task as it is defined."""
    if task.wait is not None:
        return TIMER
    command = task.command
    need = Need(
        role=task.role,
        command=command is not None,
        agent=command is not None and command.agent is not None,
        tools=frozenset(command.tools if command else ()),
    )
    return pool_of(need, command.mutexes if command else ())
