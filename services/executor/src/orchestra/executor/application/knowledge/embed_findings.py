"""Findings get vectors that say what they mean. What asks a model is outside any transaction."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from orchestra.chassis.telemetry.logging import logger
from orchestra.executor.application.knowledge.ports import KnowingWork, Meanings, NoMeaning
from orchestra.executor.application.models.ports import Caller

log = logger("knowledge")

AT_ONCE = 32
"""Texts of a request, all of one project: its key is used, and its money."""

LEASE = timedelta(minutes=15)
"""For whoever has taken some; those of one who is gone are taken up after it."""

PAUSE = timedelta(minutes=10)
"""Where no vectors can be had: no money, no key, nobody there."""


async def embed_findings(begin: Callable[[], AbstractAsyncContextManager[KnowingWork]], meanings: Meanings) -> bool:
    """Some of those that have none; whether there were any."""
    async with begin() as work:
        taken = await work.embeddings.take(AT_ONCE, work.now + LEASE)
    if taken is None:
        return False
    place, findings = taken
    vectors: Mapping[str, bytes] = {}
    try:
        made = await meanings.of(Caller(place.workspace_id, "knowledge", place.project_id), [f.text for f in findings])
        vectors = {each.id: vector for each, vector in zip(findings, made, strict=True)}
    except NoMeaning as why:
        log.warning("findings wait for their vectors", project_id=place.project_id, reason=str(why))
    async with begin() as work:
        if vectors:
            await work.embeddings.keep(meanings.model, vectors)
        else:
            await work.embeddings.put_off([each.id for each in findings], work.now + PAUSE)
    return True
