"""Refusals that come from what stands already."""

from orchestra.contracts.ids import PlanId
from orchestra.planner.domain.errors import PlanningError


class ProjectExists(PlanningError):
    """A project of this id exists under another name."""

    code = "project-exists"


class AnotherPlanStands(PlanningError):
    """Another plan of this project is approved."""

    code = "another-plan-stands"

    def __init__(self, plan_id: PlanId, version: int) -> None:
        super().__init__(f"Plan {plan_id} (version {version}) of this project is approved; a project goes by one plan.")
        self.plan_id = plan_id
        self.version = version
