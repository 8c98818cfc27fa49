"""Timers and deadlines in the domain: which moves they have, when they are late, how a schedule sees them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.contracts.planning import Wait
from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.domain.errors import RefusedTransition
from orchestra.scheduler.domain.people.member import Member, Need
from orchestra.scheduler.domain.timeline.calendar import Calendar, instant_of, next_minute
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.timeline.hashing import input_hash
from orchestra.scheduler.domain.timeline.placement import Cause
from orchestra.scheduler.domain.timeline.schedule import calculate
from orchestra.scheduler.domain.timeline.snapshot import Snapshot
from orchestra.scheduler.domain.timeline.snapshot import Task as Planned
from orchestra.scheduler.domain.work.dependency import Edge
from orchestra.scheduler.domain.work.status import TASK_MOVES, TIMER_MOVES, move_task
from orchestra.scheduler.domain.work.task import TIMER, Task

from .test_schedule_properties import AS_OF, snapshots

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
STATUSES: tuple[TaskStatus, ...] = get_args(TaskStatus)


@pytest.mark.parametrize(("before", "after"), tuple(product(STATUSES, repeat=2)))
def test_a_timer_may_what_others_may_and_two_moves_more(before: TaskStatus, after: TaskStatus) -> None:
    if after in TASK_MOVES[before] or after in TIMER_MOVES.get(before, ()):
        assert move_task("tsk_1", before, after, timer=True) == after
    else:
        with pytest.raises(RefusedTransition):
            move_task("tsk_1", before, after, timer=True)


def a_task(**more: object) -> Task:
    terms: dict[str, object] = {"pool": "person|", "status": "assigned", "role": None, "command": None, "covers": ()}
    names = {"id": "tsk_a", "workspace_id": "w", "project_id": "p", "plan_id": "l", "run_id": None, "key": "a"}
    return Task(**{**names, "title": "a", **terms, **more})  # pyright: ignore[reportArgumentType]


def test_late_is_what_has_not_ended_by_its_deadline() -> None:
    task = a_task(deadline=MONDAY)
    assert not task.late(MONDAY)
    assert task.late(MONDAY + HOUR)
    ended = replace(task, status="done", ended_at=MONDAY)
    assert not ended.late(MONDAY + HOUR)
    assert replace(ended, ended_at=MONDAY + HOUR).late(MONDAY + HOUR)
    assert not a_task().late(MONDAY)


def test_a_timer_is_one_by_its_pool() -> None:
    assert a_task(pool=TIMER).is_timer
    assert not a_task().is_timer


def planned(key: str, **more: object) -> Planned:
    terms: dict[str, object] = {"order": int(key[1:]), "status": "ready", "need": Need(points=2)}
    return Planned(id=key, **{**terms, **more})  # pyright: ignore[reportArgumentType]


def snapshot(*tasks: Planned, edges: tuple[Edge, ...] = (), as_of: datetime = MONDAY) -> Snapshot:
    ana = Member("mem_ana", "ana", "Ana")
    return Snapshot(as_of, Grain(60, Calendar()), (ana,), tasks, edges)


def wait(minutes: int, clock: str = "elapsed") -> Wait:
    return Wait.model_validate({"minutes": minutes, "clock": clock})


def test_a_timer_is_planned_by_its_clock_and_nobody_is_busy_with_it() -> None:
    before, timer, after = (
        planned("t0"),
        planned("t1", status="blocked", wait=wait(60)),
        planned("t2", status="blocked"),
    )
    made = calculate(snapshot(before, timer, after, edges=(Edge("t0", "t1"), Edge("t1", "t2"))))
    first, counts, last = (made.by_task[key] for key in ("t0", "t1", "t2"))
    assert first.end == MONDAY + 8 * HOUR
    assert (counts.member, counts.start, counts.end) == (None, first.end, first.end + HOUR)
    assert counts.cause == Cause("predecessor", "t0")
    assert last.start == MONDAY + 24 * HOUR
    assert first.critical
    assert last.critical


def test_a_working_timer_rests_at_night() -> None:
    [placed] = calculate(snapshot(planned("t0", wait=wait(600, "working")))).placements
    assert (placed.start, placed.end) == (MONDAY, MONDAY + 26 * HOUR)


def test_timers_count_side_by_side() -> None:
    made = calculate(snapshot(*(planned(f"t{n}", wait=wait(30)) for n in range(5))))
    assert {(each.start, each.end) for each in made.placements} == {(MONDAY, MONDAY + HOUR / 2)}


def test_a_timer_that_counts_keeps_its_end_and_one_that_is_overdue_ends_now() -> None:
    begun = planned("t0", status="running", wait=wait(90), started_at=MONDAY, ends_at=MONDAY + 1.5 * HOUR)
    [placed] = calculate(snapshot(begun, as_of=MONDAY + HOUR)).placements
    assert (placed.start, placed.end, placed.member) == (MONDAY, MONDAY + 1.5 * HOUR, None)
    [overdue] = calculate(snapshot(begun, as_of=MONDAY + 5 * HOUR)).placements
    assert overdue.end == MONDAY + 5 * HOUR + timedelta(minutes=1)


def test_a_timer_waits_for_its_start_like_any_other() -> None:
    [placed] = calculate(snapshot(planned("t0", wait=wait(30), not_before=MONDAY + 3 * HOUR))).placements
    assert (placed.start, placed.cause) == (MONDAY + 3 * HOUR, Cause("not before"))


def test_the_input_hash_of_what_is_no_timer_is_as_it_was_before_there_were_any() -> None:
    assert input_hash(snapshot(planned("t0"))) == "92f65000e37221fe8f6edfbbc56af0cef5a656fd2d075ba18e74000b7fbdc834"
    assert input_hash(snapshot(planned("t0", wait=wait(30)))) != input_hash(snapshot(planned("t0", wait=wait(31))))


@st.composite
def with_timers(draw: st.DrawFn) -> Snapshot:
    """Any snapshot, some of whose tasks are timers."""
    drawn = draw(snapshots())
    changed = [_as_timer(each, draw) if draw(st.booleans()) else each for each in drawn.tasks]
    return replace(drawn, tasks=tuple(changed))


def _as_timer(task: Planned, draw: st.DrawFn) -> Planned:
    told = wait(draw(st.sampled_from([1, 45, 1500])), draw(st.sampled_from(["elapsed", "working"])))
    status: TaskStatus = "ready" if task.status in ("assigned", "queued", "waiting") else task.status
    ends_at = (task.started_at or AS_OF) + timedelta(minutes=told.minutes) if status == "running" else None
    return replace(task, status=status, need=Need(), wait=told, assignee=None, ends_at=ends_at)


@given(with_timers())
def test_timers_keep_gates_and_starts_take_nobody_and_bind_what_is_late(drawn: Snapshot) -> None:
    made = calculate(drawn)
    tasks = {task.id: task for task in drawn.tasks}
    for placed in made.placements:
        task = tasks[placed.task]
        assert placed.late_end >= placed.end or placed.cause.kind == "done"
        assert placed.slack >= 0
        if task.wait is None:
            assert placed.member is not None
            continue
        assert placed.member == (task.assignee or None)
        if placed.cause.kind in ("done", "started"):
            continue
        assert task.not_before is None or placed.start >= task.not_before
        for edge in drawn.dependencies:
            before = made.by_task.get(edge.predecessor)
            if edge.successor == task.id and before and not edge.before_end and tasks[before.task].status != "skipped":
                since = instant_of(next_minute(before.start if edge.after_start else before.end))
                assert placed.start >= edge.opens(since, drawn.project_time)
        assert placed.end >= placed.start + timedelta(minutes=task.wait.minutes)
    again = calculate(replace(drawn, previous=made, previous_version=1))
    assert {(p.task, p.end) for p in again.placements if tasks[p.task].wait} == {
        (p.task, p.end) for p in made.placements if tasks[p.task].wait
    } or any(member.slots > 1 for member in drawn.members)
