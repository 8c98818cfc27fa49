"""The calculation of a schedule: pure, deterministic, every date with its cause."""

from collections.abc import Iterator
from datetime import UTC

from orchestra.scheduler.domain.timeline.calendar import instant_of, minute_of
from orchestra.scheduler.domain.timeline.generation import Generation
from orchestra.scheduler.domain.timeline.lateness import Lateness
from orchestra.scheduler.domain.timeline.placement import Cause, Placement, Schedule
from orchestra.scheduler.domain.timeline.snapshot import Snapshot, Task

WORTH_A_NEW_PLAN = 20
"""A plan made afresh replaces the repaired one only if it saves more than this part (a twentieth) of what is left."""


def calculate(snapshot: Snapshot) -> Schedule:
    """The schedule of a snapshot, counted from `as_of` rounded down to the grain; `generation` tells how it is found.

    Without a previous schedule it is made afresh. Otherwise the previous one is repaired, unless a fresh one would end
    so much earlier that moving everybody's work is worth it: somebody joins, somebody is away for long. There is no
    search for a better plan than these two.

    A task that no member may take is unplaced, and so is what is behind it or behind a failed or cancelled task.
    Raises CyclicDependency, DuplicateTask, UnknownTask, NoWorkingTime.
    """
    generation = Generation(snapshot, {})
    if snapshot.previous is not None:
        repaired = Generation(snapshot, snapshot.previous.by_task)
        if (repaired.end - generation.end) * WORTH_A_NEW_PLAN <= repaired.end - snapshot.now:
            generation = repaired
    placements = {each.task: each for each in _done(snapshot.tasks)}
    ends = [placement.end for placement in placements.values()]
    ends += [instant_of(entry.end) for entry in generation.entries.values()]
    project_end = max(ends, default=None)
    if project_end is not None:
        placements |= {each.task: each for each in _planned(snapshot, generation, minute_of(project_end))}
    return Schedule(
        placements=tuple(placements[task] for task in snapshot.by_id if task in placements),
        unplaced=tuple(generation.unplaced[task] for task in snapshot.by_id if task in generation.unplaced),
        project_end=project_end,
    )


def _done(tasks: tuple[Task, ...]) -> Iterator[Placement]:
    """Facts: the actual dates."""
    for task in tasks:
        if task.status == "done" and task.ended_at is not None:
            end = task.ended_at.astimezone(UTC)
            start = task.started_at.astimezone(UTC) if task.started_at else end
            yield Placement(task.id, task.assignee, start, end, start, end, 0, False, task.share or 1.0, Cause("done"))


def _planned(snapshot: Snapshot, generation: Generation, project_end: int) -> Iterator[Placement]:
    late_dates = Lateness(snapshot, generation, project_end).dates
    for entry in generation.entries.values():
        task, time, late = entry.task, entry.diary.time, late_dates[entry.task.id]
        slack = late.work - entry.opening.end
        start = entry.start if entry.start.tzinfo is UTC else entry.start.astimezone(UTC)
        yield Placement(
            task=task.id,
            member=entry.diary.member.id or None,
            start=start,
            end=instant_of(entry.end),
            late_start=start if task.started else instant_of(time.start(late.start)),
            late_end=instant_of(time.end(late.end)),
            slack=slack,
            critical=slack == 0,
            share=entry.opening.share,
            cause=entry.cause,
            held=entry.held,
        )
