"""What the use cases need of a database where starts and ends wait for gates; `ports` has the rest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestra.contracts.execution import Artifact, Evidence
from orchestra.contracts.ids import PlanId, ProjectId, RunId, TaskId, WorkspaceId
from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.domain.work.dependency import Edge, Gate
from orchestra.scheduler.domain.work.task import Task

Key = tuple[WorkspaceId, ProjectId]


@dataclass(frozen=True)
class Finished:
    task: Task
    started_at: datetime | None
    ended_at: datetime
    outputs: tuple[Artifact, ...] = ()
    evidence: Evidence | None = None
    trace: str | None = None
    """The traceparent of what brought it about, where that is known."""


@dataclass(frozen=True)
class Lag:
    """An edge with a lag, and what it is counted from."""

    edge: Edge
    key: Key
    status: TaskStatus
    """Of the predecessor, like the two instants at the end."""
    waived: bool
    """A dry run waits for no lag."""
    opens_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Standing:
    """What gates mean for a run that nothing else keeps going."""

    held: int
    """Tasks in review whose work is done and whose end is held back."""
    counting: bool
    """A task is held back by nothing but a lag that is being counted."""


class Gates(Protocol):
    """What holds starts and ends back beyond a plain `FS`: other kinds, and lags, which are counted in the edges."""

    async def into(self, task_id: TaskId) -> list[Gate]:
        """All edges into the task, in the plan order of its predecessors."""
        ...

    async def lags(self, predecessors: Sequence[TaskId]) -> list[Lag]:
        """The edges with a lag that lead away from these."""
        ...

    async def lags_of_plan(self, plan_id: PlanId) -> list[Lag]: ...

    async def uncounted(self, limit: int) -> list[Lag]:
        """Lags that should be counted and are not; in a healthy system there are none."""
        ...

    async def count_down(self, counted: Sequence[tuple[Edge, datetime]]) -> None:
        """Each opens at its instant."""
        ...

    async def restart(self, predecessors: Sequence[TaskId]) -> None:
        """These begin anew: no lag after them is counted any more."""
        ...

    async def forget(self, predecessors: Sequence[TaskId]) -> None:
        """These begin anew: lags that were counted from an earlier start are not counted any more."""
        ...

    async def due(self, limit: int) -> list[tuple[Key, Edge]]:
        """Edges whose lag is over and that nobody has opened."""
        ...

    async def open(self, edges: Sequence[Edge]) -> None:
        """Those of them whose lag still is over."""
        ...

    async def held_ends(self, task_ids: Sequence[TaskId]) -> set[TaskId]:
        """Those of them whose end is held back."""
        ...

    async def ends_after(self, predecessors: Sequence[TaskId]) -> list[Finished]:
        """Successors of these whose work is done and whose end nothing holds back any more: they end now."""
        ...

    async def ends_of(self, task_ids: Sequence[TaskId]) -> list[Finished]:
        """The same of these themselves."""
        ...

    async def ends_of_plan(self, plan_id: PlanId) -> list[Finished]: ...

    async def forgotten_ends(self, limit: int) -> list[Task]:
        """The same of all; in a healthy system there are none."""
        ...

    async def standing(self, run_id: RunId) -> Standing: ...
