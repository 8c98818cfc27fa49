"""What models were asked for plans, on SQL."""

from collections.abc import Sequence

from pydantic import TypeAdapter
from sqlalchemy import select, update

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.contracts.ids import CallId, PlanId
from orchestra.contracts.planning import Fault
from orchestra.planner.adapters.tables import MODEL_CALL, PLAN
from orchestra.planner.application.ports import ModelCall

_FAULTS = TypeAdapter(Sequence[Fault])


class SqlModelCalls:
    def __init__(self, work: UnitOfWork) -> None:
        self._work = work
        self._run = work.connection.execute

    async def of_plan(self, plan_id: PlanId) -> list[ModelCall]:
        names = ("id", "status", "answer", "faults", "model", "cost_micros")
        query = select(*(MODEL_CALL.c[name] for name in names)).where(MODEL_CALL.c.plan_id == plan_id)
        rows = await self._run(query.order_by(MODEL_CALL.c.round))
        return [ModelCall(r.id, r.status, r.answer, _faults(r.faults), r.model, r.cost_micros) for r in rows]

    async def ask(self, plan_id: PlanId, call_id: CallId, number: int) -> bool:
        free = update(PLAN).where(PLAN.c.id == plan_id, PLAN.c.status == "requested", PLAN.c.waits_for.is_(None))
        if (await self._run(free.values(waits_for=call_id))).rowcount != 1:
            return False
        row = {"id": call_id, "plan_id": plan_id, "round": number, "status": "asked", "asked_at": self._work.now}
        await self._run(MODEL_CALL.insert().values(row))
        return True

    async def end(self, call: ModelCall) -> bool:
        asked = update(MODEL_CALL).where(MODEL_CALL.c.id == call.id, MODEL_CALL.c.status == "asked")
        ended = asked.values(
            status=call.status,
            answer=call.answer,
            faults=_FAULTS.dump_json(call.faults).decode(),
            model=call.model,
            cost_micros=call.cost_micros,
            ended_at=self._work.now,
        )
        if (await self._run(ended)).rowcount != 1:
            return False
        await self._run(update(PLAN).where(PLAN.c.waits_for == call.id).values(waits_for=None))
        return True

    async def cancel(self, plan_id: PlanId) -> list[CallId]:
        asked = update(MODEL_CALL).where(MODEL_CALL.c.plan_id == plan_id, MODEL_CALL.c.status == "asked")
        rows = await self._run(asked.values(status="cancelled", ended_at=self._work.now).returning(MODEL_CALL.c.id))
        return list(rows.scalars())


def _faults(text: str) -> tuple[Fault, ...]:
    return tuple(_FAULTS.validate_json(text))
