"""Attempts, counted by what was told of them: an attempt counts once its end is committed."""

from collections.abc import Sequence

from orchestra.chassis.telemetry.metrics import LONG, counter, histogram
from orchestra.contracts.event import Event
from orchestra.contracts.execution import AttemptFailed, AttemptSucceeded

ATTEMPTS = counter(
    "orchestra.attempts", "{attempt}", "Attempts that ended: succeeded, or the class of their failure.", "outcome"
)
DURATION = histogram("orchestra.attempt.duration", "Of an attempt, from its lease to its end.", "outcome", bounds=LONG)


def count(facts: Sequence[Event]) -> None:
    for fact in facts:
        match fact:
            case AttemptSucceeded():
                outcome = "succeeded"
            case AttemptFailed():
                outcome = fact.failure
            case _:
                continue
        labels = {"service": "executor", "outcome": outcome}
        ATTEMPTS.add(1, labels)
        if fact.started_at is not None:
            DURATION.record((fact.ended_at - fact.started_at).total_seconds(), labels)
