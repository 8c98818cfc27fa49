"""What whoever begins work is told of what is known."""

from orchestra.executor.application.knowledge.ports import KnowingWork, Place
from orchestra.executor.domain.knowledge.briefing import brief
from orchestra.executor.domain.knowledge.finding import KINDS, FindingKind
from orchestra.executor.domain.knowledge.words import asked

MOST_WORDS = 64
"""Of what the work is about, the first ones."""

MOST_FINDINGS = 100
"""That are looked at: more than fit."""

ALWAYS: tuple[FindingKind, ...] = ("constraint", "decision", "gotcha")
"""What counts whatever the work is about."""


async def write_briefing(work: KnowingWork, place: Place, about: str) -> str:
    """First what has words of `about`, then the newest of what always counts; empty where nothing is known."""
    words = asked(about, MOST_WORDS)
    matching = await work.findings.with_words(place, words, KINDS, limit=MOST_FINDINGS) if words else []
    newest = await work.findings.newest(place, ALWAYS, limit=MOST_FINDINGS)
    return brief(each.finding for each in (*matching, *newest))
