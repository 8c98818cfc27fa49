"""Findings in the database."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import AttemptId, WorkspaceId
from orchestra.executor.adapters.knowledge.full_text import full_text
from orchestra.executor.adapters.knowledge.tables import FINDING
from orchestra.executor.adapters.tables import ATTEMPT
from orchestra.executor.application.knowledge.ports import KnownFinding, Origin, Place
from orchestra.executor.domain.knowledge.finding import Finding, FindingKind
from orchestra.executor.domain.knowledge.words import words_of

_C = FINDING.c

_FROM = ("run_id", "task_id", "task_key", "attempt_id", "agent", "person")
_SHOWN = [_C[name] for name in ("id", "kind", "text", *_FROM, "at")]

_ONCE = ["workspace_id", "project_id", "hash"]
_NOTHING = {"text": "", "words": "", "embedding": None, "embedded_by": None, "embedding_due": None}


class SqlFindings:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._run = work.connection.execute
        self._text = full_text(work.dialect)

    async def learn(self, place: Place, findings: Sequence[Finding], origin: Origin) -> list[Finding]:
        rows = [self._row(place, each, origin) for each in findings]
        # In the order of their hashes: two who learn the same at once never wait for each other in a circle.
        rows.sort(key=lambda row: row["hash"])
        insert = self._work.dialect.insert(FINDING).values(rows)
        kept = insert.on_conflict_do_nothing(index_elements=_ONCE).returning(_C.position, _C.words, _C.hash)
        written = (await self._run(kept)).all()
        await self._indexed(written)
        fresh = {row.hash for row in written}
        return [each for each in findings if each.digest in fresh]

    async def add(self, place: Place, finding: Finding, origin: Origin) -> KnownFinding | None:
        row = self._row(place, finding, origin)
        insert = self._work.dialect.insert(FINDING).values(row)
        anew = {name: value for name, value in row.items() if name not in _ONCE}  # a tombstone has no vector
        added = insert.on_conflict_do_update(
            index_elements=_ONCE,
            set_={**anew, "removed_at": None, "removed_by": None},
            where=_C.removed_at.is_not(None),
        )
        written = (await self._run(added.returning(_C.position, _C.words))).all()
        await self._indexed(written)
        return KnownFinding(row["id"], finding, origin, self._work.now) if written else None

    async def _indexed(self, written: Sequence[Row[Any]]) -> None:
        if written:
            await self._text.put(self._work.connection, [(row.position, row.words) for row in written])

    async def remove(self, place: Place, finding_id: str, by: str) -> bool:
        removed = update(FINDING).where(in_place(place), _C.id == finding_id).returning(_C.position)
        removed = removed.values(**_NOTHING, removed_by=by, removed_at=self._work.now)
        position = (await self._run(removed)).scalar_one_or_none()
        if position is None:
            return False
        await self._text.drop(self._work.connection, position)
        return True

    async def find(self, place: Place, finding_id: str) -> KnownFinding | None:
        row = (await self._run(select(*_SHOWN).where(in_place(place), _C.id == finding_id))).first()
        return _known(row) if row is not None else None

    async def same_as(self, place: Place, finding: Finding) -> KnownFinding | None:
        row = (await self._run(select(*_SHOWN).where(in_place(place), _C.hash == finding.digest))).first()
        return _known(row) if row is not None else None

    async def these(self, place: Place, ids: Sequence[str]) -> list[KnownFinding]:
        rows = await self._run(select(*_SHOWN).where(in_place(place), _C.id.in_(ids)))
        return [_known(row) for row in rows]

    async def newest(
        self, place: Place, kinds: Sequence[FindingKind], *, limit: int, before: str | None = None
    ) -> list[KnownFinding]:
        query = select(*_SHOWN).where(in_place(place), _C.kind.in_(kinds)).order_by(_C.id.desc()).limit(limit)
        if before is not None:
            query = query.where(_C.id < before)
        return [_known(row) for row in await self._run(query)]

    async def with_words(
        self, place: Place, words: Sequence[str], kinds: Sequence[FindingKind], *, limit: int, offset: int = 0
    ) -> list[KnownFinding]:
        source, matches, best = self._text.any_of(words)
        query = select(*_SHOWN).select_from(source).where(in_place(place), _C.kind.in_(kinds), matches)
        rows = await self._run(query.order_by(best, _C.id.desc()).limit(limit).offset(offset))
        return [_known(row) for row in rows]

    async def task_key(self, workspace_id: WorkspaceId, attempt_id: AttemptId) -> str | None:
        mine = (ATTEMPT.c.workspace_id == workspace_id, ATTEMPT.c.id == attempt_id)
        dispatch = (await self._run(select(ATTEMPT.c.dispatch).where(*mine))).scalar_one_or_none()
        return json.loads(dispatch).get("key") or None if dispatch is not None else None

    def _row(self, place: Place, finding: Finding, origin: Origin) -> dict[str, Any]:
        return {
            "id": new_id("fnd"),
            "workspace_id": place.workspace_id,
            "project_id": place.project_id,
            "hash": finding.digest,
            "kind": finding.kind,
            "text": finding.text,
            "words": " ".join(words_of(finding.text)),
            **{name: getattr(origin, name) for name in _FROM},
            "at": self._work.now,
            "embedding_due": self._work.now,
        }


def in_place(place: Place) -> Any:
    """Of that project, and not removed."""
    mine = (_C.workspace_id == place.workspace_id, _C.project_id == place.project_id)
    return and_(*mine, _C.removed_at.is_(None))


def _known(row: Row[Any]) -> KnownFinding:
    origin = Origin(**{name: getattr(row, name) for name in _FROM})
    return KnownFinding(row.id, Finding(row.kind, row.text), origin, row.at)
