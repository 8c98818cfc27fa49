"""Why planning refuses.

PlanningError
├── UnknownProject
├── ProjectExists
├── ProjectArchived
├── UnknownPlan
├── HashMismatch
├── PlanNotProposed
├── PlanMade
├── PlanOvertaken
├── NoStandingPlan
├── InvalidPlan
└── InvalidEdits
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


class ProjectArchived(PlanningError):
    """The project is archived and takes no changes."""

    code = "project-archived"


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
    """Only a proposed plan can be approved or rejected."""

    code = "plan-not-proposed"

    def __init__(self, state: str) -> None:
        super().__init__(f"Only a proposed plan can be approved or rejected; this one is {state}.")
        self.state = state


class PlanMade(PlanningError):
    """Only a plan that is still being made can be stopped."""

    code = "plan-made"

    def __init__(self, state: str) -> None:
        super().__init__(f"Only a plan that is still being made can be stopped; this one is {state}.")
        self.state = state


class PlanOvertaken(PlanningError):
    """The project does not go by the plan any more that this one was proposed to follow."""

    code = "plan-overtaken"

    def __init__(self, follows: PlanId | None, standing: PlanId | None, version: int | None) -> None:
        now = "none stands" if standing is None else f"version {version} stands ({standing})"
        super().__init__(f"When this plan was proposed, {follows or 'no plan'} stood; now {now}: propose it again.")
        self.follows = follows
        self.standing = standing


class NoStandingPlan(PlanningError):
    """The project has no approved plan."""

    code = "no-standing-plan"


class InvalidEdits(PlanningError):
    """The edits cannot become a plan; `faults` names every place and reason."""

    code = "invalid-edits"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(_first(faults))
        self.faults = tuple(faults)


class InvalidPlan(PlanningError):
    """The request cannot become a plan; `faults` names every place and reason."""

    code = "invalid-plan"

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(_first(faults))
        self.faults = tuple(faults)


def _first(faults: Sequence[Fault]) -> str:
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{faults[0].pointer}: {faults[0].detail}{more}" if faults else ""
