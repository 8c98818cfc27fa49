"""Recalculate a project's schedule: read a snapshot, compute outside any lock, publish if it still stands."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from orchestra.chassis.errors import ChassisError
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.metrics import LONG, counter, histogram
from orchestra.chassis.telemetry.tracing import span
from orchestra.contracts.ids import Sha256
from orchestra.contracts.scheduling import Move, ScheduleRecalculated
from orchestra.scheduler.application.advance_run import advance_run
from orchestra.scheduler.application.ports import Key, SchedulingWork
from orchestra.scheduler.application.project_ports import PublishedSchedule
from orchestra.scheduler.domain.timeline.difference import Moved, difference
from orchestra.scheduler.domain.timeline.hashing import input_hash
from orchestra.scheduler.domain.timeline.placement import Schedule
from orchestra.scheduler.domain.timeline.schedule import calculate
from orchestra.scheduler.domain.timeline.snapshot import Snapshot

log = logger("schedule")

CALCULATION = histogram(
    "orchestra.schedule.calculation.duration", "From the snapshot of a project to its published schedule.", bounds=LONG
)
FAILURES = counter(
    "orchestra.schedule.failures",
    "{calculation}",
    "Calculations that ended in a bug.",
    zeros=({"service": "scheduler"},),
)

Transaction = Callable[[], AbstractAsyncContextManager[SchedulingWork]]

PAUSE = timedelta(milliseconds=500)
"""At least, between two calculations of one project; the first is made at once."""

SHARE = 10
"""A calculation rests this many times as long as it took: a large project's schedule must not hold up its own work."""

AFTER_A_FAULT = timedelta(minutes=1)

SHOWN_MOVES = 200


async def recalculate_stale(read: Transaction, begin: Transaction) -> bool:
    """Recalculate what is stale; True when something was."""
    async with read() as view:
        keys = await view.projects.stale(20)
    for key in keys:
        try:
            about = {"orchestra.project.id": key[1]}
            with span("calculate schedule", service="scheduler", root=True, attributes=about):
                began = time.perf_counter()
                await recalculate(read, begin, key)
                CALCULATION.record(time.perf_counter() - began, {"service": "scheduler"})
        except ChassisError:
            raise
        except Exception:
            # A project that cannot be calculated must not keep the others from it.
            FAILURES.add(1, {"service": "scheduler"})
            log.exception("schedule cannot be calculated", workspace_id=key[0], project_id=key[1])
            async with begin() as work:
                await work.projects.put_off(key, work.now + AFTER_A_FAULT)
    return bool(keys)


async def recalculate(read: Transaction, begin: Transaction, key: Key) -> None:
    """One calculation. If the graph or the schedule changed meanwhile it is dropped: the project is still stale."""
    async with read() as view:
        project = await view.projects.find(*key)
        if project is None or project.stale_cause is None:
            return
        snapshot = await view.schedules.snapshot(project)
    last = snapshot.previous
    began = time.perf_counter()
    # In its own thread, so that deliveries and leases go on beside a large calculation.
    digest, schedule, moves = await asyncio.to_thread(_calculation, snapshot)
    async with begin() as work:
        held = await work.projects.hold(*key)
        if (held.schedule_version, held.graph_version) != (project.schedule_version, project.graph_version):
            return
        if not moves and schedule.unplaced == (last.unplaced if last else ()):
            await work.schedules.unchanged(project)
            await work.projects.put_off(key, work.now + _rest(began))
            return
        published = PublishedSchedule(
            version=project.schedule_version + 1,
            input_hash=digest,
            cause=project.stale_cause,
            as_of=snapshot.grain.floor(snapshot.as_of),
            at=work.now,
            schedule=schedule,
        )
        await work.schedules.publish(project, published, moves)
        changed = {move.task_id for move in moves}
        await work.schedules.set_planned(
            [p for p in schedule.placements if p.task in changed], [u.task for u in schedule.unplaced]
        )
        work.publish(
            ScheduleRecalculated(
                workspace_id=project.workspace_id,
                project_id=project.id,
                sequence=published.version,
                version=published.version,
                input_hash=digest,
                cause=published.cause,
                project_end=schedule.project_end,
                tasks=len(schedule.placements),
                moved=len(moves),
                moves=tuple(Move(**vars(move)) for move in moves[:SHOWN_MOVES]),
            )
        )
        await work.projects.put_off(key, work.now + _rest(began))
        # People get their tasks from the schedule: now there is a newer one.
        for run in await work.runs.open_in(project.workspace_id, project.id):
            await advance_run(work, run, "the schedule was recalculated")


def _calculation(snapshot: Snapshot) -> tuple[Sha256, Schedule, tuple[Moved, ...]]:
    schedule = calculate(snapshot)
    return input_hash(snapshot), schedule, difference(snapshot.previous, schedule)


def _rest(began: float) -> timedelta:
    return max(PAUSE, SHARE * timedelta(seconds=time.perf_counter() - began))
