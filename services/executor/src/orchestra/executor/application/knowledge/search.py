"""What is known is searched by its words."""

from orchestra.executor.application.knowledge.ports import KnowingWork, KnownFinding, Place
from orchestra.executor.domain.knowledge.finding import KINDS, FindingKind
from orchestra.executor.domain.knowledge.words import asked

MOST_WORDS = 32
"""Of a question."""


async def search(
    work: KnowingWork, place: Place, question: str, kind: FindingKind | None = None, *, limit: int, offset: int = 0
) -> list[KnownFinding]:
    """What has any of the question's words, the best first. Any text is a question; one without words finds nothing."""
    words = asked(question, MOST_WORDS)
    if not words:
        return []
    return await work.findings.with_words(place, words, [kind] if kind else KINDS, limit=limit, offset=offset)
