"""What the scheduler does by itself: recalculate, tell, and look after what time brings."""

from typing import Any

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.loops import Loop
from orchestra.chassis.telemetry.logging import logger
from orchestra.scheduler.application.admit_waiting import admit_waiting
from orchestra.scheduler.application.cancel_run import CANCELLING, go_on_cancelling
from orchestra.scheduler.application.keep_time import keep_time
from orchestra.scheduler.application.open_gates import open_gates
from orchestra.scheduler.application.project_ports import Calculate
from orchestra.scheduler.application.recalculate import recalculate_stale
from orchestra.scheduler.application.reconcile import advance_due, reconcile
from orchestra.scheduler.application.tell_changes import tell_changes
from orchestra.scheduler.application.watch_checkpoints import watch_checkpoints

log = logger("scheduler")


def loops(database: Database[Any], calculate: Calculate) -> list[Loop]:
    async def recalculation() -> bool:
        return await recalculate_stale(database.read, database.begin, calculate)

    async def changes() -> bool:
        return await tell_changes(database.read, database.begin)

    async def timers() -> bool:
        each = (open_gates, keep_time, advance_due)
        return any([await step(database.read, database.begin) for step in each])

    async def coming() -> float | None:
        async with database.read() as view:
            instant = await view.times.coming()
            return None if instant is None else (instant - view.now).total_seconds()

    async def admission() -> bool:
        return await admit_waiting(database.read, database.begin)

    async def cancelling() -> bool:
        return await go_on_cancelling(database.read, database.begin)

    async def checkpoints() -> bool:
        return await watch_checkpoints(database.read, database.begin)

    async def reconciler() -> bool:
        found = await reconcile(database.read, database.begin)
        if found:
            log.warning("the reconciler found work", count=found)
        return False

    return [
        Loop("recalculation", recalculation, every=0.5, gap=0.1),
        Loop("changes", changes, every=0.25, gap=0.1),
        Loop("timers", timers, every=0.5, ahead=coming),
        Loop("admission", admission, every=0.5),
        Loop(CANCELLING, cancelling, every=5.0),
        Loop("checkpoints", checkpoints, every=5.0),
        Loop("reconciler", reconciler, every=5.0),
    ]
