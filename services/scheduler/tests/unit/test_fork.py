"""What becomes of each task in a fork: from its status, from where it stands, and from whether it was really done."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.domain.work.fork import fates
from orchestra.scheduler.domain.work.graph import with_all_after
from orchestra.scheduler.domain.work.task import Task

BOUND = [("a", "b"), ("b", "c"), ("a", "aside")]
STATUSES: tuple[TaskStatus, ...] = get_args(TaskStatus)


def task(key: str, status: TaskStatus = "done") -> Task:
    return Task(key, "wsp", "prj", "pln", "run", key, key, status, "person|", None, None, ())


@pytest.mark.parametrize("status", STATUSES)
def test_before_the_step_what_is_done_is_adopted_what_is_skipped_stays_so_and_the_rest_is_undone(
    status: TaskStatus,
) -> None:
    expected = {"done": "adopted", "skipped": "skipped"}.get(status, "undone")
    assert fates([task("a", status), task("b")], {"b"}, BOUND) == {"a": expected, "b": "undone"}


@pytest.mark.parametrize("status", STATUSES)
def test_the_step_and_all_after_it_are_undone_whatever_they_are(status: TaskStatus) -> None:
    tasks = [task("a"), task("b", status), task("c", status), task("aside")]
    assert fates(tasks, {"b"}, BOUND) == {"a": "adopted", "b": "undone", "c": "undone", "aside": "adopted"}


def test_what_was_only_rehearsed_is_done_anew() -> None:
    assert fates([task("a"), task("b")], {"b"}, BOUND, {"a"}) == {"a": "undone", "b": "undone"}


@given(
    statuses=st.lists(st.sampled_from(STATUSES), min_size=1, max_size=10),
    ends=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20),
    steps=st.sets(st.integers(0, 9), min_size=1, max_size=3),
)
def test_adopted_is_what_is_done_outside_the_part_that_is_done_anew(
    statuses: list[TaskStatus], ends: list[tuple[int, int]], steps: set[int]
) -> None:
    tasks = [task(f"t{n}", status) for n, status in enumerate(statuses)]
    ids = {each.id for each in tasks}
    edges = [(f"t{min(pair)}", f"t{max(pair)}") for pair in ends if pair[0] != pair[1]]
    edges = [edge for edge in edges if ids.issuperset(edge)]
    named = {f"t{n}" for n in steps if n < len(tasks)} or {"t0"}

    found = fates(tasks, named, edges)

    anew = set(with_all_after(named, edges))
    assert {one for one, fate in found.items() if fate == "adopted"} == {
        each.id for each in tasks if each.status == "done" and each.id not in anew
    }
    assert list(found) == [each.id for each in tasks]
