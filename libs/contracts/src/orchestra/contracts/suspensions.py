"""What an attempt waits for that has ended for now: something that a person says, money, or a server that is away."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from orchestra.contracts.budgets import BudgetScope
from orchestra.contracts.event import Fact
from orchestra.contracts.ids import Sha256


class QuestionAsked(Fact):
    kind: Literal["question"] = "question"
    id: str
    """The answer comes back under it."""
    text: str
    choices: tuple[str, ...] = ()
    """None of them: any text answers it."""


class ApprovalNeeded(Fact):
    kind: Literal["approval"] = "approval"
    tool: str
    summary: str
    """The call, in words that a person can judge."""
    digest: Sha256
    """Of the exact call: any other needs an approval of its own."""
    expires_at: datetime | None = None
    """After which it can be approved no more."""


class BudgetMet(Fact):
    kind: Literal["budget"] = "budget"
    scope: BudgetScope
    unit: str = "micros"
    limit: int
    settled: int
    held: int
    asked: int
    renews_at: datetime | None = None
    """When the next day or month begins, with its own budget."""


class ProviderAway(Fact):
    """Nobody owes anything: it is tried again."""

    kind: Literal["provider"] = "provider"
    name: str
    reason: str = ""
    retry_at: datetime | None = None


class VerificationNeeded(Fact):
    """Neither a model nor checks could say whether the work is done."""

    kind: Literal["verification"] = "verification"
    findings: tuple[str, ...] = ()


Asked: TypeAlias = Annotated[
    QuestionAsked | ApprovalNeeded | BudgetMet | VerificationNeeded, Field(discriminator="kind")
]
"""What a person answers."""
Suspension: TypeAlias = Annotated[
    QuestionAsked | ApprovalNeeded | BudgetMet | VerificationNeeded | ProviderAway, Field(discriminator="kind")
]
