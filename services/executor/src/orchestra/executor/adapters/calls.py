"""Model calls that other services want, in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, case, or_, select, update

from orchestra.contracts.ids import CallId
from orchestra.contracts.models import ModelCallCancelled, ModelCallRequested
from orchestra.executor.adapters.tables import LEASED, MODEL_CALL, QUEUED
from orchestra.executor.application.attempts import Lease
from orchestra.executor.application.calls.ports import HeldCall

if TYPE_CHECKING:
    from orchestra.executor.adapters.work import ExecutorWork

MOST_LOST = 2
"""Times that a call is asked again after its holder was killed: it may have been killed by it."""

_FREE: dict[str, Any] = {"status": "queued", "lease_owner": None, "lease_until": None}

_HOLDING = (MODEL_CALL.c.request, MODEL_CALL.c.lease_owner, MODEL_CALL.c.token, MODEL_CALL.c.trace)


class SqlCalls:
    def __init__(self, work: "ExecutorWork") -> None:
        self._work = work
        self._run = work.connection.execute

    async def accept(self, request: ModelCallRequested, trace: str | None) -> None:
        row = {**self._which(request), "request": request.to_json(), "trace": trace, "status": "queued"}
        await self._run(self._work.dialect.insert(MODEL_CALL).values(row).on_conflict_do_nothing())

    async def cancel(self, event: ModelCallCancelled) -> None:
        queued = MODEL_CALL.c.status == "queued"
        known = {
            "cancelled": event.reason,
            "status": case((queued, "cancelled"), else_=MODEL_CALL.c.status),
            "ended_at": case((queued, self._work.now), else_=MODEL_CALL.c.ended_at),
        }
        row = {"status": "cancelled", "cancelled": event.reason, "ended_at": self._work.now, **self._which(event)}
        tombstone = self._work.dialect.insert(MODEL_CALL).values(row)
        open_ = MODEL_CALL.c.status.in_(("queued", "leased"))
        await self._run(tombstone.on_conflict_do_update(index_elements=["id"], set_=known, where=open_))

    def _which(self, event: ModelCallRequested | ModelCallCancelled) -> dict[str, Any]:
        return {
            "id": event.call_id,
            "workspace_id": event.workspace_id,
            "project_id": event.project_id,
            "accepted_at": self._work.now,
        }

    async def claim(self, lease: Lease, *, slots: int) -> list[HeldCall]:
        due_by = or_(MODEL_CALL.c.not_before.is_(None), MODEL_CALL.c.not_before <= self._work.now)
        oldest = select(MODEL_CALL.c.id).where(QUEUED, due_by).order_by(MODEL_CALL.c.id).limit(slots)
        due = self._work.dialect.locked(oldest, skip_locked=True).cte("due")
        mine = {"lease_owner": lease.owner, "lease_until": lease.until, "token": MODEL_CALL.c.token + 1}
        taken = update(MODEL_CALL).where(MODEL_CALL.c.id.in_(select(due.c.id))).values(status="leased", **mine)
        return [_held(row) for row in await self._run(taken.returning(*_HOLDING))]

    async def renew(self, lease: Lease, ids: Sequence[CallId]) -> Mapping[CallId, str | None]:
        if not ids:
            return {}
        mine = update(MODEL_CALL).where(MODEL_CALL.c.id.in_(ids), MODEL_CALL.c.lease_owner == lease.owner, LEASED)
        kept = mine.values(lease_until=lease.until).returning(MODEL_CALL.c.id, MODEL_CALL.c.cancelled)
        return {row.id: row.cancelled for row in await self._run(kept)}

    async def end(self, call: HeldCall, code: str | None) -> bool:
        status = "answered" if code is None else "cancelled" if code == "cancelled" else "failed"
        ended = self._mine(call).values(status=status, code=code, ended_at=self._work.now)
        return (await self._run(ended)).rowcount == 1

    async def queue_again(self, call: HeldCall) -> bool:
        again = self._mine(call).where(MODEL_CALL.c.lost < MOST_LOST, MODEL_CALL.c.cancelled.is_(None))
        return (await self._run(again.values(_FREE | {"lost": MODEL_CALL.c.lost + 1}))).rowcount == 1

    async def put_off(self, call: HeldCall, until: datetime) -> bool:
        # The token stays as high as it is: what was held under it must not be anybody else's.
        again = self._mine(call).values(_FREE | {"not_before": until})
        return (await self._run(again)).rowcount == 1

    def _mine(self, call: HeldCall) -> Any:
        holder = (MODEL_CALL.c.lease_owner == call.owner, MODEL_CALL.c.token == call.token, LEASED)
        return update(MODEL_CALL).where(MODEL_CALL.c.id == call.id, *holder)

    async def expired(self) -> list[HeldCall]:
        return await self._locked(MODEL_CALL.c.lease_until < self._work.now)

    async def held_by(self, owners: Sequence[str]) -> list[HeldCall]:
        return await self._locked(MODEL_CALL.c.lease_owner.in_(owners))

    async def _locked(self, which: ColumnElement[bool]) -> list[HeldCall]:
        query: Any = select(*_HOLDING).where(LEASED, which).order_by(MODEL_CALL.c.id)
        return [_held(row) for row in await self._run(self._work.dialect.locked(query, skip_locked=True))]

    async def owners(self) -> list[str]:
        return list((await self._run(select(MODEL_CALL.c.lease_owner).where(LEASED).distinct())).scalars())


def _held(row: Any) -> HeldCall:
    return HeldCall(ModelCallRequested.model_validate_json(row.request), row.lease_owner, row.token, row.trace)
