"""What an agent has found out is kept, where it is new."""

from collections.abc import Iterable
from dataclasses import replace

from orchestra.chassis.telemetry.logging import logger
from orchestra.executor.application.knowledge.ports import FRESH, KnowingWork, Origin, Place
from orchestra.executor.domain.knowledge.errors import BadFinding
from orchestra.executor.domain.knowledge.finding import Finding, finding

log = logger("knowledge")

MOST_AT_ONCE = 50
"""Findings of one attempt: an agent that tells more has stopped choosing."""


async def learn(work: KnowingWork, place: Place, origin: Origin, told: Iterable[tuple[str, str]]) -> list[Finding]:
    """Keep them, (kind, text) each; returns those that are new. What is none, or one too many, is left out."""
    found: dict[str, Finding] = {}
    left_out = 0
    for kind, text in told:
        try:
            each = finding(kind, text)
        except BadFinding:
            left_out += 1
            continue
        if len(found) < MOST_AT_ONCE or each.digest in found:
            found.setdefault(each.digest, each)
        else:
            left_out += 1
    if left_out:
        log.warning("findings were left out", attempt_id=origin.attempt_id, count=left_out)
    if not found:
        return []
    if origin.attempt_id is not None and origin.task_key is None:
        origin = replace(origin, task_key=await work.findings.task_key(place.workspace_id, origin.attempt_id))
    work.wake(FRESH)
    return await work.findings.learn(place, list(found.values()), origin)
