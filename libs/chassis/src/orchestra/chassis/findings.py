"""Findings: what is not well, in a sentence, and what to do about it. `orchestra doctor` shows them.

Each is called like the alert that says the same from outside, and has its runbook: docs/runbooks/<alert>.md.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from pydantic import BaseModel

from orchestra.chassis.telemetry.metrics import Measure, Reading

Severity = Literal["error", "warning", "note"]
"""An error stops work or loses time now; a warning wants somebody's look; a note only explains."""


class Finding(BaseModel):
    alert: str
    severity: Severity
    problem: str
    step: str
    """What to do next."""

    @property
    def runbook(self) -> str:
        return f"docs/runbooks/{self.alert}.md"


Diagnose = Callable[[Sequence[Reading]], Iterable[Finding]]


def of(readings: Sequence[Reading], gauge: Measure) -> list[Reading]:
    return [reading for reading in readings if reading.gauge is gauge]


def value(readings: Sequence[Reading], gauge: Measure) -> float:
    """Of a gauge that has no labels of its own; 0 where it could not be read."""
    return next((reading.value for reading in of(readings, gauge)), 0.0)
