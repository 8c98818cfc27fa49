"""Starts, deadlines and timers in a plan: what is wrong with them, what they change, what they leave alone."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from services.planner.tests.unit.test_decomposing_plans import parts_of, tasks_of

from orchestra.contracts.edits import PlanEdits
from orchestra.contracts.planning import CommandRequest, TaskRequest, Wait
from orchestra.planner.domain.check import check
from orchestra.planner.domain.compare import compare
from orchestra.planner.domain.edit import edited
from orchestra.planner.domain.errors import InvalidEdits
from orchestra.planner.domain.hashing import content_hash
from orchestra.planner.domain.plan import Plan, propose
from orchestra.planner.domain.requirements import Requirement

NINE = datetime(2026, 12, 1, 9, tzinfo=UTC)
SORT = CommandRequest(argv=("sort",), tools=("sort",))


def plan(*tasks: TaskRequest) -> Plan:
    return propose("given", (Requirement(1, "One."),), tasks)


def timer(key: str = "t", **more: Any) -> TaskRequest:
    return TaskRequest.model_validate({"id": key, "title": key, "wait": {"minutes": 90}, **more})


def faults_of(task: TaskRequest) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in check(plan(task))]


def test_a_timer_needs_neither_estimate_nor_command() -> None:
    assert faults_of(timer(start_at=NINE)) == []


@pytest.mark.parametrize(
    ("field", "value"), [("command", SORT), ("role", "editor"), ("points", 1.0), ("minutes", 5), ("deadline", NINE)]
)
def test_what_a_timer_cannot_have_is_named(field: str, value: Any) -> None:
    assert (f"/tasks/0/{field}", "not-of-a-timer") in faults_of(timer().model_copy(update={field: value}))


@pytest.mark.parametrize(("minutes", "code"), [(0, "not-positive"), (-5, "not-positive"), (525_601, "out-of-range")])
def test_a_wait_is_longer_than_nothing_and_at_most_a_year(minutes: int, code: str) -> None:
    assert faults_of(timer().model_copy(update={"wait": Wait(minutes=minutes)})) == [("/tasks/0/wait/minutes", code)]


def test_a_deadline_lies_after_the_start() -> None:
    task = TaskRequest(id="a", title="A", points=1, start_at=NINE, deadline=NINE)
    assert faults_of(task) == [("/tasks/0/deadline", "deadline-before-start")]
    assert faults_of(task.model_copy(update={"deadline": NINE + timedelta(seconds=1)})) == []


def test_the_hash_of_a_plan_without_times_is_what_it_was_before_there_were_any() -> None:
    stood = plan(TaskRequest(id="a", title="A", points=1), TaskRequest(id="b", title="B", command=SORT, after=("a",)))
    assert content_hash(stood) == "1317b08f2e74e556f24be7895362f793721bf4a1f70c93c01a92964fa8704726"


def test_times_are_part_of_the_hash_however_the_zone_is_written() -> None:
    bare = TaskRequest(id="a", title="A", points=1)
    there = NINE.astimezone(timezone(timedelta(hours=1)))
    here, away = (TaskRequest(id="a", title="A", points=1, start_at=at) for at in (NINE, there))
    assert content_hash(plan(here)) == content_hash(plan(away)) != content_hash(plan(bare))
    late = TaskRequest(id="a", title="A", points=1, deadline=NINE)
    waits = {content_hash(plan(timer())), content_hash(plan(timer(wait={"minutes": 90, "clock": "working"})))}
    assert len({content_hash(plan(bare)), content_hash(plan(here)), content_hash(plan(late)), *waits}) == 5


def test_times_are_handed_on_and_shown_as_a_difference() -> None:
    before, after = plan(timer()), plan(timer(start_at=NINE, wait={"minutes": 5}))
    [task] = tasks_of(parts_of(after))
    assert (task.start_at, task.deadline, task.wait) == (NINE, None, Wait(minutes=5))
    [changed] = compare(before, after).changed
    assert {name: each.after for name, each in changed.fields.items()} == {
        "start_at": "2026-12-01T09:00:00Z",
        "wait": {"minutes": 5, "clock": "elapsed"},
    }


def edits(**changes: Any) -> PlanEdits:
    return PlanEdits.model_validate({"edits": [{"op": "change_task", "id": "a", "set": changes}]})


def test_an_edit_of_something_else_keeps_the_times_and_null_takes_them_away() -> None:
    stood = plan(TaskRequest(id="a", title="A", points=1, start_at=NINE, deadline=NINE + timedelta(1)))
    [kept] = edited(stood, edits(title="B")).tasks
    assert (kept.start_at, kept.deadline) == (NINE, NINE + timedelta(1))
    [bare] = edited(stood, edits(start_at=None)).tasks
    assert (bare.start_at, bare.deadline) == (None, NINE + timedelta(1))


def test_a_wait_takes_the_place_of_command_role_and_estimate_and_they_take_its_place() -> None:
    command = TaskRequest(id="a", title="A", role="automation", minutes=5, command=SORT)
    [made] = edited(plan(command), edits(wait={"minutes": 3})).tasks
    assert made == TaskRequest(id="a", title="A", wait=Wait(minutes=3))
    [again] = edited(plan(made), edits(points=2)).tasks
    assert again == TaskRequest(id="a", title="A", points=2)


def test_a_fault_of_an_edit_has_its_place_in_the_edit() -> None:
    with pytest.raises(InvalidEdits) as refused:
        edited(plan(TaskRequest(id="a", title="A", points=1)), edits(wait={"minutes": 3}, points=1))
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [
        ("/edits/0/set/points", "not-of-a-timer")
    ]
