"""What the use cases need of a database where time alone moves something; `ports` has the rest."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from orchestra.contracts.ids import RunId, TaskId
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task


class Times(Protocol):
    async def come(self, run_id: RunId) -> None:
        """The ready tasks of the run whose time has come wait for it no longer."""
        ...

    async def count(self, timers: Sequence[Task], ends_at: datetime) -> None:
        """They count from now on, and end at the instant."""
        ...

    async def over(self, limit: int, among: Sequence[TaskId] | None = None) -> list[Task]:
        """Timers whose time has come and that nothing holds, in runs that go on."""
        ...

    async def expired(self, limit: int, among: Sequence[TaskId] | None = None) -> list[Task]:
        """Commands that have not ended by their deadlines, in runs that have begun and are not over."""
        ...

    async def expired_runs(self, limit: int) -> list[Run]:
        """Open runs whose deadline has passed."""
        ...

    async def coming(self) -> datetime | None:
        """The next instant at which any of these, a lag or a pause will be over."""
        ...
