"""What becomes of the tasks of a run in another one that goes on from a step of it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from orchestra.contracts.ids import TaskId
from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.domain.work.graph import with_all_after
from orchestra.scheduler.domain.work.task import Task

Fate = Literal["adopted", "skipped", "undone"]
"""In the part that is kept, which is all but the steps and what comes after them:

- `adopted`: it is done, and stands as done with what came of it.
- `skipped`: a person has decided to go on without it, and that stands.
- `undone`: so is everything else, and all of the part that is done anew, what was skipped there included.
"""

FIRST: Mapping[Fate, TaskStatus] = {"adopted": "done", "skipped": "skipped", "undone": "blocked"}
"""The status that each begins with."""


def fates(
    tasks: Iterable[Task],
    steps: Collection[TaskId],
    edges: Iterable[tuple[TaskId, TaskId]],
    rehearsed: Collection[TaskId] = (),
) -> dict[TaskId, Fate]:
    """In the order of the tasks. What was only `rehearsed` counts as not done."""
    anew = set(with_all_after(steps, edges))
    return {task.id: _fate(task, kept=task.id not in anew, real=task.id not in rehearsed) for task in tasks}


def _fate(task: Task, *, kept: bool, real: bool) -> Fate:
    if kept and task.status == "done" and real:
        return "adopted"
    return "skipped" if kept and task.status == "skipped" else "undone"
