"""What the end of an attempt says about its agent."""

from typing import get_args

import pytest

from orchestra.contracts.execution import Evidence, FailureClass, Verdict, Verification
from orchestra.executor.domain.agents.outcomes import Outcome, outcome_of
from orchestra.executor.domain.attempt import Failed, Succeeded


def verified(verdict: Verdict | None) -> Succeeded:
    found = Verification(verdict=verdict, by="checks") if verdict else None
    return Succeeded(Evidence(sandbox_level="L3", duration_ms=1, verification=found))


@pytest.mark.parametrize(
    ("verdict", "outcome"), [("passed", "done"), (None, "done"), ("human_needed", "partial"), ("skipped", "partial")]
)
def test_what_nobody_could_confirm_is_done_in_part(verdict: Verdict | None, outcome: Outcome) -> None:
    assert outcome_of(verified(verdict)) == outcome


def test_only_its_own_failures_count() -> None:
    outcomes = {failure: outcome_of(Failed(failure, "why")) for failure in get_args(FailureClass)}

    assert {failure: outcome for failure, outcome in outcomes.items() if outcome} == {
        "permanent": "failed",
        "timeout": "failed",
        "gaps": "gaps",
    }
