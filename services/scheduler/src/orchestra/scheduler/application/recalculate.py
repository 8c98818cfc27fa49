"""Recalculate a project's schedule: read a snapshot, compute outside any lock, publish if it still stands.

`calculated` reads and computes, wherever it is called: in this process, or in one of its own for a large project.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from orchestra.chassis.errors import ChassisError
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.metrics import LONG, counter, histogram
from orchestra.chassis.telemetry.tracing import span
from orchestra.contracts.scheduling import Move, ScheduleRecalculated
from orchestra.scheduler.application.advance_run import advance_run
from orchestra.scheduler.application.ports import Key, SchedulingWork
from orchestra.scheduler.application.project_ports import Calculate, Calculated, Planned, Project
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
"""A calculation rests this many times as long as it took a processor: a large project's schedule must not hold up its
own work."""

AFTER_A_FAULT = timedelta(minutes=1)

SHOWN_MOVES = 200


async def recalculate_stale(read: Transaction, begin: Transaction, calculate: Calculate) -> bool:
    """Recalculate what is stale; True when something was."""
    async with read() as view:
        keys = await view.projects.stale(20)
    for key in keys:
        try:
            about = {"orchestra.project.id": key[1]}
            with span("calculate schedule", service="scheduler", root=True, attributes=about):
                began = time.perf_counter()
                await recalculate(begin, key, calculate)
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


async def recalculate(begin: Transaction, key: Key, calculate: Calculate) -> None:
    """One calculation. If the graph or the schedule changed meanwhile it is dropped: the project is still stale."""
    found = await calculate(key)
    if found is None:
        return
    project = found.project
    async with begin() as work:
        held = await work.projects.hold(*key)
        if (held.schedule_version, held.graph_version) != (project.schedule_version, project.graph_version):
            return
        if not found.changed:
            await work.schedules.unchanged(project)
            await work.projects.put_off(key, work.now + _rest(found.seconds))
            return
        await work.schedules.publish(found)
        await work.schedules.set_planned(found.planned, found.unplaced)
        work.publish(
            ScheduleRecalculated(
                workspace_id=project.workspace_id,
                project_id=project.id,
                sequence=project.schedule_version + 1,
                version=project.schedule_version + 1,
                input_hash=found.input_hash,
                cause=project.stale_cause or "",
                project_end=found.project_end,
                tasks=found.tasks,
                moved=found.moved,
                moves=tuple(Move(**vars(move)) for move in found.moves),
            )
        )
        await work.projects.put_off(key, work.now + _rest(found.seconds))
        # People get their tasks from the schedule: now there is a newer one.
        for run in await work.runs.open_in(project.workspace_id, project.id):
            await advance_run(work, run, "the schedule was recalculated")


async def calculated(read: Transaction, key: Key) -> Calculated | None:
    """The calculation, from the snapshot on."""
    async with read() as view:
        project = await view.projects.find(*key)
        if project is None or project.stale_cause is None:
            return None
        snapshot = await view.schedules.snapshot(project)
        write = view.schedules.written
    # In its own thread, so that deliveries and leases go on beside a calculation.
    return await asyncio.to_thread(_calculation, project, snapshot, write)


def _calculation(project: Project, snapshot: Snapshot, write: Callable[[Schedule, Sequence[Moved]], str]) -> Calculated:
    began = time.thread_time()
    schedule = calculate(snapshot)
    last = snapshot.previous
    moves = difference(last, schedule)
    changed = bool(moves) or schedule.unplaced != (last.unplaced if last else ())
    moved = {move.task_id for move in moves}
    content = write(schedule, moves) if changed else ""
    return Calculated(
        project=project,
        input_hash=input_hash(snapshot),
        as_of=snapshot.grain.floor(snapshot.as_of),
        project_end=schedule.project_end,
        tasks=len(schedule.placements),
        changed=changed,
        moved=len(moves),
        moves=moves[:SHOWN_MOVES],
        planned=[Planned(p.task, p.member, p.start, p.end, p.share) for p in schedule.placements if p.task in moved],
        unplaced=[each.task for each in schedule.unplaced],
        content=content,
        seconds=time.thread_time() - began,
    )


def _rest(seconds: float) -> timedelta:
    return max(PAUSE, SHARE * timedelta(seconds=seconds))
