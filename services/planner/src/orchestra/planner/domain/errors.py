"""Why planning refuses.

PlanningError
├── UnknownProject
├── ProjectExists
├── UnknownPlan
├── HashMismatch
├── PlanNotProposed
├── AnotherPlanStands
└── InvalidPlan
"""

from collections.abc import Sequence
from inspect import cleandoc
from typing import ClassVar

from orchestra.contracts.ids import PlanId
from orchestra.contracts.planning import Fault


class PlanningError(Exception):
    """The plan was refused."""

    code: ClassVar[str] = "planning-refused"
    rule: ClassVar[str] = ""
    """The id of the business rule (BR-…) that refused; empty where no numbered rule did."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or cleandoc(type(self).__doc__ or ""))


class UnknownProject(PlanningError):
    """There is no such project."""

    code = "unknown-project"


class ProjectExists(PlanningError):
    """A project of this id exists under another name."""

    code = "project-exists"


class UnknownPlan(PlanningError):
    """There is no such plan."""

    code = "unknown-plan"


class HashMismatch(PlanningError):
    """Another plan was meant: approval binds to the content hash."""

    code = "hash-mismatch"

    def __init__(self, given: str, actual: str) -> None:
        super().__init__(f"The plan's hash is {actual}, not {given}: read it again before approving it.")
        self.given = given
        self.actual = actual


class PlanNotProposed(PlanningError):
    """Only a proposed plan can be approved."""

    code = "plan-not-proposed"

    def __init__(self, state: str) -> None:
        super().__init__(f"Only a proposed plan can be approved; this one is {state}.")
        self.state = state


class AnotherPlanStands(PlanningError):
    """Another plan of this project is approved."""

    code = "another-plan-stands"

    def __init__(self, plan_id: PlanId, version: int | None) -> None:
        super().__init__(f"A project goes by one plan, and version {version} of this one is approved ({plan_id}).")
        self.plan_id = plan_id


class InvalidPlan(PlanningError):
    """The request cannot become a plan; `faults` names every place and reason."""

    code = "invalid-plan"

    def __init__(self, faults: Sequence[Fault]) -> None:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0].pointer}: {faults[0].detail}{more}" if faults else "")
        self.faults = tuple(faults)
