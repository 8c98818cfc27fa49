"""Attempts in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Executable, Row, Select, and_, case, null, select, union_all, update

from orchestra.chassis.database.engine import Dialect
from orchestra.chassis.database.statement import Statement, given, insertion
from orchestra.contracts.execution import Artifact, Evidence
from orchestra.contracts.ids import AttemptId, RunId, TaskId, WorkspaceId
from orchestra.contracts.scheduling import DispatchRecalled, DispatchWithdrawn, RunChanged, TaskDispatched
from orchestra.executor.adapters.accept import accept
from orchestra.executor.adapters.claim import CLAIM, CLAIM_THESE, HOLDING, TURNS
from orchestra.executor.adapters.tables import ATTEMPT, ENDED_RUN, HELD
from orchestra.executor.application.attempts import AttemptView, Lease
from orchestra.executor.domain.attempt import (
    AttemptKind,
    EndedAttempt,
    Failed,
    HeldAttempt,
    Suspended,
    kind_of,
    sources,
)

if TYPE_CHECKING:
    from orchestra.executor.adapters.work import ExecutorWork

_NO_END = dict.fromkeys(("agent", "started_at", "failure", "reason", "outputs", "evidence"))

_ACCEPT = Statement(
    lambda dialect: (
        dialect.insert(ATTEMPT)
        .inline()
        .values(insertion(*(column.name for column in ATTEMPT.c if not column.name.startswith("lease_"))))
        .on_conflict_do_nothing()
    )
)
_MET = Statement(
    lambda dialect: union_all(
        select(ATTEMPT.c.id, null()).where(dialect.among(ATTEMPT.c.id, "ids")),
        select(ENDED_RUN.c.run_id, ENDED_RUN.c.reason).where(dialect.among(ENDED_RUN.c.run_id, "runs")),
    )
)
"""Attempts that are known, and runs that were cancelled, these with the reason."""
_ENDED = Statement(
    lambda dialect: select(ENDED_RUN.c.run_id, ENDED_RUN.c.reason).where(dialect.among(ENDED_RUN.c.run_id, "ids"))
)


_END = Statement(
    lambda _: (
        update(ATTEMPT)
        .where(ATTEMPT.c.id == given("id"))
        .values({name: given(name) for name in ("ended_at", "status", "failure", "reason", "outputs", "evidence")})
    )
)


def _still_held(dialect: Dialect) -> Executable:
    query: Any = select(ATTEMPT.c.id, ATTEMPT.c.token, ATTEMPT.c.lease_owner).where(
        dialect.among(ATTEMPT.c.id, "ids"), ATTEMPT.c.status.in_(sorted(sources("failed")))
    )
    return dialect.locked(query.order_by(ATTEMPT.c.id))


_STILL_HELD = Statement(_still_held)


class SqlAttempts:
    def __init__(self, work: "ExecutorWork") -> None:
        self._work = work
        self._run = work.connection.execute

    async def accept(self, dispatches: Sequence[tuple[TaskDispatched, str | None]]) -> None:
        ended = await self._ended({dispatch.run_id for dispatch, _ in dispatches})
        rows = [self._accepted(each, trace, ended.get(each.run_id)) for each, trace in dispatches]
        await self._work.execute(_ACCEPT, rows)

    async def rehearse(self, ended: Sequence[EndedAttempt]) -> list[EndedAttempt]:
        held = [each.attempt for each in ended]
        run_ids = sorted({attempt.dispatch.run_id for attempt in held})
        met = await self._work.fetch(_MET, ids=[attempt.id for attempt in held], runs=run_ids)
        before, runs = {row[0] for row in met if row[1] is None}, {row[0]: row[1] for row in met if row[1] is not None}
        fresh = [each for each in ended if each.attempt.id not in before]
        rows: list[dict[str, Any]] = []
        for each in fresh:
            withdrawn = runs.get(each.attempt.dispatch.run_id)
            row = self._accepted(each.attempt.dispatch, each.attempt.trace, withdrawn)
            end = {"started_at": self._work.now, "ended_at": self._work.now, **_ending(each)}
            rows.append(row if withdrawn else {**row, **end})
        await self._work.execute(_ACCEPT, rows)
        return [each for each in fresh if each.attempt.dispatch.run_id not in runs]

    async def accept_at_once(self, attempt: HeldAttempt) -> bool:
        return await accept(self._work, self._accepted(attempt.dispatch, attempt.trace, None))

    async def rehearse_at_once(self, ended: EndedAttempt) -> bool:
        attempt, now = ended.attempt, self._work.now
        row = self._accepted(attempt.dispatch, attempt.trace, None)
        contents = sorted(set(attempt.contents.values()))
        return await accept(self._work, {**row, "started_at": now, "ended_at": now, **_ending(ended)}, contents)

    def _accepted(self, dispatch: TaskDispatched, trace: str | None, withdrawn: str | None) -> dict[str, Any]:
        return {
            **_NO_END,
            "id": dispatch.attempt_id,
            "workspace_id": dispatch.workspace_id,
            "project_id": dispatch.project_id,
            "task_id": dispatch.task_id,
            "run_id": dispatch.run_id,
            "number": dispatch.number,
            "token": dispatch.token,
            "dry_run": dispatch.dry_run,
            "kind": kind_of(dispatch),
            "dispatch": dispatch.model_dump_json(),
            "trace": trace,
            "status": "queued" if withdrawn is None else "withdrawn",
            "withdrawn": withdrawn,
            "accepted_at": self._work.now,
            "ended_at": None if withdrawn is None else self._work.now,
        }

    async def withdraw(self, withdrawal: DispatchWithdrawn) -> None:
        await self._run(
            self._tombstone(withdrawal).on_conflict_do_update(
                index_elements=["id"],
                set_=self._withdrawn(withdrawal.reason),
                where=ATTEMPT.c.status.in_(sources("withdrawn") | sources("failed")),
            )
        )

    async def recall(self, recall: DispatchRecalled) -> bool:
        rows = await self._run(
            self._tombstone(recall)
            .on_conflict_do_update(
                index_elements=["id"],
                set_=self._withdrawn(recall.reason),
                where=ATTEMPT.c.status.in_(sources("withdrawn")),
            )
            .returning(ATTEMPT.c.id)
        )
        return rows.first() is not None

    async def withdraw_run(self, run: RunChanged, reason: str) -> None:
        mine = {"run_id": run.run_id, "workspace_id": run.workspace_id, "reason": reason, "at": self._work.now}
        await self._run(self._work.dialect.insert(ENDED_RUN).values(**mine).on_conflict_do_nothing())
        known = (ATTEMPT.c.workspace_id == run.workspace_id, ATTEMPT.c.run_id == run.run_id)
        open_ = ATTEMPT.c.status.in_(sources("withdrawn") | sources("failed"))
        await self._run(update(ATTEMPT).where(*known, open_).values(**self._withdrawn(reason)))

    async def _ended(self, run_ids: set[RunId]) -> dict[RunId, str]:
        """Those of the runs that were cancelled, with the reason."""
        return dict(await self._work.fetch(_ENDED, ids=sorted(run_ids)))

    def _tombstone(self, event: DispatchWithdrawn | DispatchRecalled) -> Any:
        return self._work.dialect.insert(ATTEMPT).values(
            id=event.attempt_id,
            workspace_id=event.workspace_id,
            project_id=event.project_id,
            task_id=event.task_id,
            dry_run=False,
            status="withdrawn",
            withdrawn=event.reason,
            accepted_at=self._work.now,
            ended_at=self._work.now,
        )

    def _withdrawn(self, reason: str) -> dict[str, Any]:
        """What is queued has ended by it; whoever holds an attempt hears of it."""
        queued = ATTEMPT.c.status == "queued"
        return {
            "withdrawn": reason,
            "status": case((queued, "withdrawn"), else_=ATTEMPT.c.status),
            "ended_at": case((queued, self._work.now), else_=ATTEMPT.c.ended_at),
        }

    async def claim(self, lease: Lease, *, slots: int, kind: AttemptKind = "command") -> list[HeldAttempt]:
        mine = {"owner": lease.owner, "until": lease.until, "now": self._work.now, "kind": kind}
        rows = await self._work.fetch(CLAIM, limit=slots, **mine)
        if not rows and (turns := await self._work.fetch(TURNS, limit=slots, kind=kind)):
            # Those that another claim is just taking are left out: the next try finds others in their place.
            rows = await self._work.fetch(CLAIM_THESE, ids=[row[0] for row in turns], **mine)
        return sorted((_held(*row) for row in rows), key=lambda held: held.id)

    async def start(self, attempts: Sequence[HeldAttempt]) -> list[HeldAttempt]:
        mine = await self._still_held(attempts)
        running = update(ATTEMPT).where(ATTEMPT.c.id.in_(mine), ATTEMPT.c.status.in_(sources("running")))
        rows = await self._run(running.values(status="running").returning(ATTEMPT.c.id))
        moved = set(rows.scalars())
        return [attempt for attempt in attempts if attempt.id in moved]

    async def end(self, ended: Sequence[EndedAttempt]) -> list[EndedAttempt]:
        mine = await self._still_held([each.attempt for each in ended])
        accepted = [each for each in ended if each.attempt.id in mine]
        now = self._work.now
        await self._work.execute(_END, [{"id": each.attempt.id, "ended_at": now, **_ending(each)} for each in accepted])
        return accepted

    async def _still_held(self, attempts: Sequence[HeldAttempt]) -> set[AttemptId]:
        """Those whose lease still is their holder's, by owner and token, locked until the commit."""
        rows = await self._work.fetch(_STILL_HELD, ids=[attempt.id for attempt in attempts])
        holders = {attempt_id: (token, owner) for attempt_id, token, owner in rows}
        return {a.id for a in attempts if holders.get(a.id) == (a.dispatch.token, a.owner)}

    async def renew(self, lease: Lease, ids: Sequence[AttemptId]) -> Mapping[AttemptId, str | None]:
        if not ids:
            return {}
        rows = await self._run(
            update(ATTEMPT)
            .where(ATTEMPT.c.id.in_(ids), ATTEMPT.c.lease_owner == lease.owner, HELD)
            .values(lease_until=lease.until)
            .returning(ATTEMPT.c.id, ATTEMPT.c.withdrawn, ATTEMPT.c.run_id)
        )
        renewed = rows.all()
        # A dispatch and its run's end that are accepted at the same moment do not see each other: here they meet.
        ended = await self._ended({row.run_id for row in renewed})
        return {row.id: row.withdrawn or ended.get(row.run_id) for row in renewed}

    async def lose_expired(self, reason: str) -> list[EndedAttempt]:
        return await self._lose(ATTEMPT.c.lease_until < self._work.now, reason)

    async def lose_of(self, owners: Sequence[str], reason: str, kind: AttemptKind | None = None) -> list[EndedAttempt]:
        which = ATTEMPT.c.lease_owner.in_(owners)
        return await self._lose(which if kind is None else and_(which, ATTEMPT.c.kind == kind), reason)

    async def _lose(self, which: ColumnElement[bool], reason: str) -> list[EndedAttempt]:
        lost = update(ATTEMPT).where(HELD, which)
        values = {"status": "failed", "failure": "lost", "reason": reason, "ended_at": self._work.now}
        rows = await self._run(lost.values(**values).returning(*HOLDING))
        return [EndedAttempt(_held(*row), Failed("lost", reason)) for row in rows]

    async def owners(self) -> list[str]:
        return list((await self._run(select(ATTEMPT.c.lease_owner).where(HELD).distinct())).scalars())

    async def held_among(self, ids: Sequence[AttemptId]) -> set[AttemptId]:
        return set((await self._run(select(ATTEMPT.c.id).where(ATTEMPT.c.id.in_(ids), HELD))).scalars())

    async def find(self, workspace_id: WorkspaceId, attempt_id: AttemptId) -> AttemptView | None:
        row = (await self._run(_shown(workspace_id).where(ATTEMPT.c.id == attempt_id))).first()
        return _view(row) if row else None

    async def page(
        self, workspace_id: WorkspaceId, *, run_id: RunId | None, task_id: TaskId | None, after: str | None, limit: int
    ) -> list[AttemptView]:
        query = _shown(workspace_id).where(ATTEMPT.c.id > (after or "")).order_by(ATTEMPT.c.id).limit(limit)
        if run_id is not None:
            query = query.where(ATTEMPT.c.run_id == run_id)
        if task_id is not None:
            query = query.where(ATTEMPT.c.task_id == task_id)
        return [_view(row) for row in await self._run(query)]


def _held(dispatch: str, owner: str, started_at: datetime, trace: str | None) -> HeldAttempt:
    return HeldAttempt(TaskDispatched.model_validate_json(dispatch), owner, started_at, trace)


def _ending(ended: EndedAttempt) -> dict[str, Any]:
    ending = ended.ending
    failed = ending if isinstance(ending, Failed) else None
    waits_for = ending.waits_for.kind if isinstance(ending, Suspended) else None
    return {
        "status": "failed" if failed else "suspended" if waits_for else "succeeded",
        "failure": failed.failure if failed else None,
        "reason": failed.reason if failed else waits_for,
        "outputs": None if isinstance(ending, Failed) else [output.model_dump() for output in ending.outputs],
        "evidence": ending.evidence.model_dump() if ending.evidence else None,
    }


def _shown(workspace_id: WorkspaceId) -> Select[Any]:
    """Tombstones are not shown: nothing is known of them but that they never were."""
    return select(ATTEMPT).where(ATTEMPT.c.workspace_id == workspace_id, ATTEMPT.c.dispatch.is_not(None))


def _view(row: Row[Any]) -> AttemptView:
    return AttemptView(
        id=row.id,
        task_id=row.task_id,
        run_id=row.run_id,
        number=row.number,
        status=row.status,
        failure=row.failure,
        reason=row.reason or row.withdrawn,
        started_at=row.started_at,
        ended_at=row.ended_at,
        evidence=Evidence.model_validate(row.evidence) if row.evidence else None,
        outputs=[Artifact.model_validate(output) for output in row.outputs or ()],
    )
