"""What the use cases need of a database for limits and mutexes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from orchestra.contracts.ids import AttemptId, ProjectId, RunId, WorkspaceId
from orchestra.scheduler.domain.work.limits import Allowance, Limit, Mutex, Use
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task

Tokens = Mapping[AttemptId, Mapping[str, int]]
"""The fencing tokens that each attempt has, by mutex."""


class Limits(Protocol):
    async def hold(self, run: Run, mutexes: Collection[str]) -> Sequence[Allowance]:
        """What the limits of the run's workspace and these mutexes let go out, held until the transaction ends."""
        ...

    async def seen(self, workspace_id: WorkspaceId, mutexes: Collection[str]) -> Sequence[Allowance]:
        """The same of a workspace with all its projects, as it is at this moment."""
        ...

    async def take(self, run: Run, taken: Sequence[tuple[Task, AttemptId]], allowances: Sequence[Allowance]) -> Tokens:
        """They have started under these, and have their mutexes."""
        ...

    async def of_attempts(self, attempt_ids: Sequence[AttemptId]) -> Tokens: ...

    async def free(self, attempt_ids: Sequence[AttemptId]) -> None:
        """These attempts have ended: whoever waits for a mutex of theirs may have it."""
        ...

    async def free_later(self, attempt_ids: Sequence[AttemptId], until: datetime) -> None:
        """These attempts are being stopped: their mutexes are free with their ends, or at that time."""
        ...

    async def forgotten(self, limit: int) -> list[AttemptId]:
        """Holders of mutexes that are over; in a healthy system there are none."""
        ...

    async def in_flight(self, workspace_id: WorkspaceId) -> Mapping[ProjectId, int]:
        """Commands that are queued or running."""
        ...

    async def kept_back(self, limit: int) -> list[Run]:
        """Runs that wait for a limit or a mutex, the longest waiting first."""
        ...

    async def others_wait(self, run: Run) -> bool:
        """Whether another run of the workspace does."""
        ...

    async def keep_back(self, run_id: RunId, since: datetime | None) -> None: ...

    async def uses(self, workspace_id: WorkspaceId) -> list[Use]: ...

    async def mutexes(self, workspace_id: WorkspaceId) -> list[Mutex]: ...

    async def put(self, workspace_id: WorkspaceId, limit: Limit) -> None: ...

    async def remove(self, workspace_id: WorkspaceId, scope: str, name: str) -> bool:
        """Whether it was there."""
        ...
