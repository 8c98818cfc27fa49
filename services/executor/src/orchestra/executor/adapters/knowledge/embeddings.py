"""Vectors of findings in the database, and which findings wait for theirs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.executor.adapters.knowledge.findings import in_place
from orchestra.executor.adapters.knowledge.tables import FINDING
from orchestra.executor.application.knowledge.ports import Place, Unembedded
from orchestra.executor.domain.knowledge.finding import FindingKind

_C = FINDING.c


class SqlEmbeddings:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._run = work.connection.execute

    async def take(self, limit: int, until: datetime) -> tuple[Place, Sequence[Unembedded]] | None:
        due = _C.embedding_due <= self._work.now
        oldest = select(_C.workspace_id, _C.project_id).where(due).order_by(_C.embedding_due, _C.position).limit(1)
        row = (await self._run(oldest)).first()
        if row is None:
            return None
        place = Place(row.workspace_id, row.project_id)
        query: Any = select(_C.id, _C.text).where(in_place(place), due).order_by(_C.position).limit(limit)
        rows = (await self._run(self._work.dialect.locked(query, skip_locked=True))).all()
        await self.put_off([row.id for row in rows], until)
        return place, [Unembedded(row.id, row.text) for row in rows]

    async def keep(self, model: str, vectors: Mapping[str, bytes]) -> None:
        for finding_id, vector in vectors.items():
            mine = update(FINDING).where(_C.id == finding_id, _C.removed_at.is_(None))
            await self._run(mine.values(embedding=vector, embedded_by=model, embedding_due=None))

    async def put_off(self, ids: Sequence[str], until: datetime) -> None:
        mine = update(FINDING).where(_C.id.in_(ids), _C.removed_at.is_(None))
        await self._run(mine.values(embedding_due=until))

    async def take_up_others(self, model: str) -> None:
        known = (_C.embedded_by.is_not(None), _C.embedded_by != model, _C.embedding_due.is_(None))
        await self._run(update(FINDING).where(*known).values(embedding_due=self._work.now))

    async def of(
        self, place: Place, kinds: Sequence[FindingKind], model: str, limit: int
    ) -> Sequence[tuple[str, bytes]]:
        mine = (in_place(place), _C.kind.in_(kinds), _C.embedded_by == model)
        rows = await self._run(select(_C.id, _C.embedding).where(*mine).order_by(_C.id.desc()).limit(limit))
        return [(row.id, row.embedding) for row in rows]
