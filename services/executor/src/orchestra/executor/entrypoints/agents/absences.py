"""Outside agents that fall silent are told of by and by."""

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.loops import Loop
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.agents.heartbeat import tell_absences


def absences(database: Database[ExecutorWork]) -> Loop:
    async def step() -> bool:
        async with database.begin() as work:
            return await tell_absences(work)

    return Loop("absences", step, every=10.0, steady=True)
