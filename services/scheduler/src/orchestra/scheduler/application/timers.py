"""Timers: tasks that nobody does. They count once all before them is done, and end when so much time has passed.

Invariant: a timer ends once, and not before its time. What is counted stands in its row, so it goes on over restarts.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from orchestra.contracts.planning import Wait
from orchestra.scheduler.application.changes import Move, moved, tell
from orchestra.scheduler.application.end_work import end_work, go_on_after
from orchestra.scheduler.application.gate_ports import Finished
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.timeline.working_time import WorkingTime
from orchestra.scheduler.domain.work.dependency import counted
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import TIMER, Task

MOST = 500


async def begin_timers(work: SchedulingWork, run: Run) -> bool:
    """Have the run's ready timers count; True when there were any, for others may have waited for their start."""
    timers = await work.tasks.next_ready(run.id, TIMER, MOST)
    if not timers:
        return False
    project = await work.projects.find(run.workspace_id, run.project_id)
    assert project is not None  # its caller holds it
    time = WorkingTime.of(project.calendar)
    ends: defaultdict[datetime, list[Task]] = defaultdict(list)
    for timer in timers:
        wait = timer.wait or Wait(minutes=0)
        ends[counted(wait.minutes, wait.clock, work.now, time)].append(timer)
    moves: list[Move] = []
    for ends_at, mine in ends.items():
        await work.times.count(mine, ends_at)
        moves += [moved(timer, "running", f"it waits until {ends_at:%Y-%m-%d %H:%M:%S} UTC") for timer in mine]
    await tell(work, moves)
    if watched := [timer for timer in timers if timer.watched]:
        await work.gates.forget([timer.id for timer in watched])
        await go_on_after(work, watched, "what it waited for has started")
    return True


async def end_timers(work: SchedulingWork, timers: Sequence[Task]) -> None:
    """Their time has come. The caller holds the project, and goes on with their runs."""
    await end_work(work, [Finished(timer, timer.started_at, work.now) for timer in timers], "its time is over")
