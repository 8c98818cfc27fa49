"""What checkpoints need of a database; `adapters` has it on SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from orchestra.contracts.budgets import BudgetRaised
from orchestra.contracts.ids import CheckpointId, TaskId, WorkspaceId
from orchestra.contracts.planning import Command
from orchestra.scheduler.application.gate_ports import Key
from orchestra.scheduler.domain.work.checkpoint import Checkpoint
from orchestra.scheduler.domain.work.task import Task


@dataclass(frozen=True, slots=True)
class Owed:
    """A task that waits for a decision without an open checkpoint."""

    task: Task
    failure: Mapping[str, Any] | None
    """The last one that was told of."""
    trace: str | None
    """Its run's."""


@dataclass(frozen=True, slots=True)
class Raised:
    """A checkpoint with its task as it is now."""

    checkpoint: Checkpoint
    task: Task
    trace: str | None
    """Its run's."""


class Checkpoints(Protocol):
    async def find(self, workspace_id: WorkspaceId, checkpoint_id: CheckpointId) -> Raised: ...

    async def add(self, checkpoints: Sequence[Checkpoint]) -> None: ...

    async def save(self, checkpoint: Checkpoint) -> None: ...

    async def owed(self, task_ids: Sequence[TaskId]) -> list[Owed]: ...

    async def owed_in(self, key: Key) -> list[Owed]: ...

    async def unasked(self, limit: int) -> list[Task]:
        """Tasks that owe a decision nobody was asked for; in a healthy system there are none."""
        ...

    async def open_of(self, task_ids: Sequence[TaskId]) -> list[Raised]: ...

    async def of_budgets(self, raised: BudgetRaised, key: Key | None = None) -> list[Raised]:
        """Open ones about a budget that this one may be, in one project or all of the workspace."""
        ...

    async def moot_in(self, key: Key) -> list[Raised]:
        """Open ones of the project whose tasks need no decision any more."""
        ...

    async def due(self, before: datetime, limit: int) -> list[tuple[Key, TaskId]]:
        """Of those on which time acts by then, the longest overdue first."""
        ...

    async def next_command(self, task_id: TaskId) -> Command | None:
        """What a further try goes by."""
        ...
