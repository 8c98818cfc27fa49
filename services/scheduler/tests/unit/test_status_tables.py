"""The state machines of tasks and runs, and what a run is from its tasks."""

from itertools import pairwise, product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.contracts.scheduling import RunStatus, TaskStatus
from orchestra.scheduler.domain.errors import RefusedTransition
from orchestra.scheduler.domain.work.status import (
    OPEN,
    RELEASING,
    RUN_MOVES,
    RUN_OPEN,
    RUN_OVER,
    RUN_TERMINAL,
    TASK_AGAIN,
    TASK_MOVES,
    TERMINAL,
    move_again,
    move_run,
    move_task,
    run_status,
)

TASK_STATUSES: tuple[TaskStatus, ...] = get_args(TaskStatus)
RUN_STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)


@pytest.mark.parametrize(
    "way",
    [
        ("blocked", "ready", "assigned", "running", "in_review", "done"),
        ("blocked", "ready", "queued", "running", "in_review", "done"),
        ("ready", "assigned", "done"),
        ("ready", "queued", "done"),
        ("queued", "ready", "queued", "running", "ready", "queued", "failed", "ready"),
        ("running", "waiting", "ready"),
        ("failed", "skipped"),
        ("running", "cancelled", "ready"),
        ("blocked", "cancelled", "blocked"),
        ("cancelled", "skipped"),
    ],
    ids=" ".join,
)
def test_a_task_may_go_this_way(way: tuple[TaskStatus, ...]) -> None:
    for before, after in pairwise(way):
        assert move_task("tsk_1", before, after) == after


@pytest.mark.parametrize(("before", "after"), tuple(product(TASK_STATUSES, repeat=2)))
def test_br_task_003_a_move_is_in_the_table_or_refused_with_both_states(before: TaskStatus, after: TaskStatus) -> None:
    if after in TASK_MOVES[before]:
        assert move_task("tsk_1", before, after) == after
    else:
        with pytest.raises(RefusedTransition, match=f"^tsk_1 is {before} and cannot become {after}.$"):
            move_task("tsk_1", before, after)


@pytest.mark.parametrize("status", TASK_STATUSES)
def test_nothing_leaves_done_or_skipped_and_nothing_skips_being_ready(status: TaskStatus) -> None:
    for final in ("done", "skipped"):
        assert status not in TASK_MOVES[final]
    if status not in ("ready", "failed", "cancelled", "skipped"):
        assert status not in TASK_MOVES["blocked"]


def test_every_open_state_has_a_way_to_done_and_can_be_cancelled() -> None:
    for status in OPEN:
        assert "cancelled" in TASK_MOVES[status]
        reached, frontier = {status}, [status]
        while frontier:
            further = TASK_MOVES[frontier.pop()] - reached
            reached |= further
            frontier += further
        assert "done" in reached


def test_the_tables_name_every_status_once_and_the_sets_divide_them() -> None:
    assert set(TASK_MOVES) == set(TASK_STATUSES) == OPEN | TERMINAL
    assert set(RUN_MOVES) == set(RUN_STATUSES) == RUN_OPEN | RUN_TERMINAL
    assert not OPEN & TERMINAL
    assert not RUN_OPEN & RUN_TERMINAL
    assert RELEASING < TERMINAL


@pytest.mark.parametrize(("before", "after"), tuple(product(RUN_STATUSES, repeat=2)))
def test_a_run_keeps_its_epoch_until_it_is_reopened(before: RunStatus, after: RunStatus) -> None:
    if after not in RUN_MOVES[before]:
        with pytest.raises(RefusedTransition):
            move_run("run_1", before, after, 3)
    else:
        assert move_run("run_1", before, after, 3) == (4 if before in ("failed", "finished") else 3)


def test_a_cancelled_run_is_never_reopened_and_a_finished_one_is_no_retry_away_from_its_end() -> None:
    assert not RUN_MOVES["cancelled"]
    assert sorted(RUN_OVER) == ["cancelled", "finished"]
    assert not RUN_MOVES["finished"] & {"accepted", "paused", "cancelled"}


@pytest.mark.parametrize(("before", "after"), tuple(product(TASK_STATUSES, repeat=2)))
def test_what_is_done_again_begins_anew_and_what_is_under_way_is_not_touched(
    before: TaskStatus, after: TaskStatus
) -> None:
    assert not TASK_AGAIN & {"blocked", "ready", "running", "waiting"}
    if before in TASK_AGAIN and after in ("blocked", "ready"):
        assert move_again("tsk_1", before, after) == after
    else:
        with pytest.raises(RefusedTransition):
            move_again("tsk_1", before, after)


@pytest.mark.parametrize("status", RUN_STATUSES)
def test_what_is_open_can_be_paused_and_what_has_ended_cannot(status: RunStatus) -> None:
    assert ("paused" in RUN_MOVES[status]) == (status in RUN_OPEN - {"paused"})


@given(st.lists(st.sampled_from(RUN_STATUSES), max_size=30))
def test_each_epoch_of_a_run_has_at_most_one_terminal_status(wishes: list[RunStatus]) -> None:
    status: RunStatus = "accepted"
    epoch, ends = 1, []
    for wish in wishes:
        if wish in RUN_MOVES[status]:
            epoch, status = move_run("run_1", status, wish, epoch), wish
            ends += [epoch] * (status in RUN_TERMINAL)
    assert len(ends) == len(set(ends))


@pytest.mark.parametrize(
    ("machine", "person", "expected"),
    [
        ({}, {}, "finished"),
        ({"done": 3}, {"skipped": 1, "cancelled": 2}, "finished"),
        ({"ready": 1}, {"assigned": 4}, "running"),
        ({"queued": 1, "failed": 1}, {}, "running"),
        ({"running": 1, "blocked": 5}, {"done": 1}, "running"),
        ({"done": 2, "blocked": 2}, {"assigned": 1}, "waiting"),
        ({}, {"running": 1}, "waiting"),
        ({}, {"ready": 1}, "waiting"),
        ({"in_review": 1}, {}, "waiting"),
        ({"waiting": 1}, {}, "waiting"),
        ({"failed": 1, "blocked": 3}, {"ready": 1}, "waiting"),
        ({"failed": 1, "blocked": 3}, {"blocked": 2, "done": 1}, "failed"),
        ({"failed": 1, "done": 9}, {}, "failed"),
        ({"cancelled": 1, "blocked": 1}, {}, "failed"),
    ],
)
def test_a_run_is_what_its_tasks_allow(
    machine: dict[TaskStatus, int], person: dict[TaskStatus, int], expected: RunStatus
) -> None:
    assert run_status(machine, person) == expected


@pytest.mark.parametrize(
    ("machine", "person", "held", "counting", "expected"),
    [
        ({"in_review": 1}, {}, 1, False, "failed"),
        ({"in_review": 1, "blocked": 1}, {}, 1, True, "running"),
        ({"in_review": 2}, {}, 1, True, "waiting"),
        ({"blocked": 1, "done": 1}, {}, 0, True, "running"),
        ({"blocked": 1}, {"assigned": 1}, 0, True, "waiting"),
        ({"in_review": 1, "queued": 1}, {}, 1, False, "running"),
        ({"failed": 1, "blocked": 2}, {}, 0, True, "running"),
    ],
)
def test_a_run_in_which_only_time_is_missing_goes_on_and_a_held_task_asks_nobody(
    machine: dict[TaskStatus, int], person: dict[TaskStatus, int], held: int, counting: bool, expected: RunStatus
) -> None:
    assert run_status(machine, person, held=held, counting=counting) == expected


TOTALS = st.dictionaries(st.sampled_from(TASK_STATUSES), st.integers(0, 3))


@given(TOTALS, TOTALS)
def test_a_run_is_finished_only_when_no_task_is_left_open_or_failed(
    machine: dict[TaskStatus, int], person: dict[TaskStatus, int]
) -> None:
    left = [status for totals in (machine, person) for status, n in totals.items() if n]
    unfinished = [status for status in left if status in OPEN or status == "failed"]
    assert (run_status(machine, person) == "finished") == (not unfinished)


@given(TOTALS, TOTALS, st.sampled_from(["ready", "queued", "running"]))
def test_a_failed_task_does_not_stop_what_a_machine_can_still_do(
    machine: dict[TaskStatus, int], person: dict[TaskStatus, int], status: TaskStatus
) -> None:
    assert run_status({**machine, "failed": 1, status: 1}, person) == "running"
