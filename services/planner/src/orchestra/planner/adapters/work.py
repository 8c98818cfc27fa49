"""The planner's unit of work."""

from collections.abc import Sequence

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.messaging.inbox import gather
from orchestra.planner.adapters.completions import SqlCompletions
from orchestra.planner.adapters.plans import SqlPlans
from orchestra.planner.adapters.projects import SqlProjects
from orchestra.planner.adapters.requirements import SqlRequirements
from orchestra.planner.application.ports import Part


class PlanningWork(UnitOfWork):
    @property
    def projects(self) -> SqlProjects:
        return SqlProjects(self)

    @property
    def requirements(self) -> SqlRequirements:
        return SqlRequirements(self)

    @property
    def plans(self) -> SqlPlans:
        return SqlPlans(self)

    @property
    def completions(self) -> SqlCompletions:
        return SqlCompletions(self)

    async def gathered(self, part: Part) -> Sequence[Part] | None:
        return await gather(self, f"{self.service}:{part.kind}", part)
