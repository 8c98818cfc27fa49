"""What forks need of a database; `adapters` has it on SQL."""

from collections.abc import Mapping
from typing import Protocol

from orchestra.contracts.ids import MemberId, PlanId, TaskId
from orchestra.scheduler.application.project_ports import Plan, Project
from orchestra.scheduler.domain.work.fork import Fate
from orchestra.scheduler.domain.work.run import Run

Copies = Mapping[TaskId, tuple[TaskId, Fate]]
"""By the id of the task that is copied: the id of its copy, and what becomes of it."""


class Forks(Protocol):
    async def rehearsed(self, plan_id: PlanId) -> set[TaskId]:
        """Tasks of the plan that only a dry run has done."""
        ...

    async def team(self, source: Project, project: Project) -> dict[MemberId, MemberId]:
        """The project has the members, roles and limits that `source` has; who is who, those who left included."""
        ...

    async def tasks(
        self, source_id: PlanId, plan: Plan, run: Run, copies: Copies, members: Mapping[MemberId, MemberId]
    ) -> None:
        """The tasks of one plan once more, in a run of another; adopted ones with all that came of them."""
        ...
