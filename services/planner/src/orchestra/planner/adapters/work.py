"""The planner's unit of work."""

from collections.abc import Iterator, Sequence

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.messaging.inbox import gather, gather_texts
from orchestra.contracts.event import PartedEvent
from orchestra.planner.adapters.completions import SqlCompletions
from orchestra.planner.adapters.model_calls import SqlModelCalls
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

    @property
    def model_calls(self) -> SqlModelCalls:
        return SqlModelCalls(self)

    def seal(self, text: str, about: str) -> str:
        return self.settings.sealer.seal(text, about)

    def open(self, sealed: str, about: str) -> str:
        return self.settings.sealer.open(sealed, about)

    async def gathered(self, part: Part) -> Iterator[Part] | None:
        return await gather(self, f"{self.service}:{part.kind}", part)

    async def gathered_texts(self, part: PartedEvent) -> Sequence[str] | None:
        return await gather_texts(self, f"{self.service}:{part.kind}", part)
