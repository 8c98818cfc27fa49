"""Whether an attempt that says it has succeeded proves it."""

from dataclasses import dataclass

from orchestra.contracts.execution import Evidence
from orchestra.contracts.planning import Command
from orchestra.contracts.suspensions import VerificationNeeded


@dataclass(frozen=True)
class Wanting:
    """Why it is not done."""

    reason: str
    asks: VerificationNeeded | None = None
    """A person has to say whether it is; None: it is tried again."""


def wanting(command: Command | None, evidence: Evidence) -> Wanting | None:
    """None: it is done. A command proves itself by its end; work of an agent by the verification that its brief asks
    for, and what nobody has verified is a person's to judge.
    """
    brief = command.agent if command else None
    if brief is None or brief.verify == "none" or evidence.dry_run:
        return None
    found = evidence.verification
    if found is not None and found.verdict == "passed":
        return None
    findings = found.findings if found else ()
    if found is not None and found.verdict == "gaps_found":
        return Wanting("; ".join(findings) or f"{found.by} found that it is not done, and did not say what is missing")
    reason = "it was not verified" if found is None or found.verdict == "skipped" else f"{found.by} could not say"
    return Wanting(reason, VerificationNeeded(findings=findings or (f"{reason}.",)))
