"""What replanning needs of a database; `adapters` has it on SQL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestra.contracts.ids import PlanId, ProjectId, TaskId, WorkspaceId
from orchestra.contracts.planning import DecomposedTask, Dependency
from orchestra.scheduler.domain.work.task import Task


@dataclass(frozen=True)
class Known:
    """A task that a plan of the project had before."""

    task: Task
    definition: DecomposedTask
    """What it goes by."""
    deferred: bool
    """A newer plan said otherwise after it was started."""
    comes_back: bool
    """It was cancelled by a plan that had it no longer, or with its run."""


class Graph(Protocol):
    async def known(self, workspace_id: WorkspaceId, project_id: ProjectId) -> list[Known]:
        """All tasks of the project."""
        ...

    async def edges(self, workspace_id: WorkspaceId, project_id: ProjectId) -> set[Dependency]: ...

    async def place(self, plan_id: PlanId, tasks: Sequence[tuple[TaskId, DecomposedTask | None]]) -> None:
        """These are the plan's tasks, in its order; each with what a further try goes by, if that is another."""
        ...

    async def redefine(self, tasks: Sequence[DecomposedTask]) -> None:
        """They go by these definitions."""
        ...

    async def expire(self, tasks: Sequence[DecomposedTask]) -> None:
        """Their deadlines hold from now on, whatever else they go by."""
        ...

    async def retire(self, task_ids: Sequence[TaskId]) -> None:
        """The plan has them no longer."""
        ...

    async def connect(self, gone: Iterable[Dependency], new: Iterable[Dependency]) -> None: ...

    async def mark(self, plan_id: PlanId) -> None:
        """The plan's tasks say of themselves whether others watch them and whether their ends have gates."""
        ...

    async def settle(self, plan_id: PlanId) -> tuple[list[Task], list[Task]]:
        """Make the plan's blocked tasks ready that nothing holds back, and the ready ones blocked that something does.

        Returns the former and the latter, as they were.
        """
        ...

    async def renew(self, task_ids: Sequence[TaskId]) -> list[Task]:
        """The ready tasks go by what the newest plan says. Returns those, as they were, that it holds back: blocked."""
        ...
