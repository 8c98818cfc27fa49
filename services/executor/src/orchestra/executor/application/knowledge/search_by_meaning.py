"""What is known is searched by words and by meaning, and both put into one order."""

import asyncio

from orchestra.executor.application.knowledge.ports import KnowingWork, KnownFinding, Place
from orchestra.executor.application.knowledge.search import search
from orchestra.executor.domain.knowledge.finding import KINDS, FindingKind
from orchestra.executor.domain.knowledge.meaning import fused, nearest

LOOKED_AT = 5000
"""Findings whose vectors are compared, the newest."""

RANKED = 50
"""That each of both orders brings."""


async def search_by_meaning(
    work: KnowingWork,
    place: Place,
    question: str,
    vector: bytes,
    model: str,
    kind: FindingKind | None = None,
    *,
    limit: int,
) -> list[KnownFinding]:
    """`vector` is the question's, by `model`; findings without one of that model are found by their words alone."""
    by_words = await search(work, place, question, kind, limit=RANKED)
    vectors = await work.embeddings.of(place, [kind] if kind else KINDS, model, LOOKED_AT)
    by_meaning = await asyncio.to_thread(nearest, vector, vectors, RANKED)
    order = fused([each.id for each in by_words], by_meaning)[:limit]
    found = {each.id: each for each in by_words}
    missing = [each for each in order if each not in found]
    found |= {each.id: each for each in await work.findings.these(place, missing)}
    return [found[each] for each in order if each in found]
