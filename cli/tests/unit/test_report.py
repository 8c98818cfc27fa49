"""What a report says in its cells."""

from typing import Any

import pytest

from orchestra.cli.report import evidence

PROOF: dict[str, Any] = {
    "exit_code": None,
    "duration_ms": 5301,
    "sandbox_level": "L3",
    "agent": "",
    "model": "",
    "rounds": 0,
    "verification": None,
}
AGENTS = {"agent": "house", "model": "sonnet", "rounds": 3}


@pytest.mark.parametrize(
    ("proof", "told"),
    [
        (None, ""),
        (PROOF | {"exit_code": 0}, "exit 0, 5301 ms, L3"),
        (PROOF, "5301 ms, L3"),
        (PROOF | AGENTS, "house with sonnet, rounds: 3, 5301 ms, L3"),
        (
            PROOF | AGENTS | {"verification": {"verdict": "passed", "by": "checks", "findings": []}},
            "house with sonnet, rounds: 3, passed by checks, 5301 ms, L3",
        ),
        (PROOF | AGENTS | {"model": "", "rounds": 0}, "house with no model, rounds: 0, 5301 ms, L3"),
    ],
)
def test_evidence_says_how_it_ended_or_who_did_it(proof: dict[str, Any] | None, told: str) -> None:
    assert evidence(proof) == told
