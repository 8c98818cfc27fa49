"""What the end of an attempt says about the agent that made it."""

from typing import Literal

from orchestra.executor.domain.attempt import Ending, Succeeded, Suspended

Outcome = Literal["done", "partial", "failed", "gaps"]


def outcome_of(ending: Ending) -> Outcome | None:
    """None: nothing, because it was not the agent's doing (a provider, a lease, a person, money or a rule ended it).

    Work that no verification has confirmed, though one was asked for, is done in part.
    """
    if isinstance(ending, Succeeded):
        found = ending.evidence.verification
        return "done" if found is None or found.verdict == "passed" else "partial"
    if isinstance(ending, Suspended):
        return None
    match ending.failure:
        case "gaps":
            return "gaps"
        case "permanent" | "timeout":
            return "failed"
        case _:
            return None
