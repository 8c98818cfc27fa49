"""What identifies a schedule's inputs, and what is told about a change."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from orchestra.contracts.scheduling import Move
from orchestra.scheduler.domain.people.member import Member, Need
from orchestra.scheduler.domain.timeline.calendar import Calendar
from orchestra.scheduler.domain.timeline.difference import Moved, difference
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.timeline.hashing import canonical_json, input_hash
from orchestra.scheduler.domain.timeline.schedule import calculate
from orchestra.scheduler.domain.timeline.snapshot import Snapshot, Task
from orchestra.scheduler.domain.work.dependency import Edge

NINE = datetime(2026, 11, 23, 9, tzinfo=UTC)
ANNA = Member("mem_a", "anna", "Anna", roles=frozenset({"x", "y"}), days_off=frozenset({date(2026, 12, 24)}))
BEN = Member("mem_b", "ben", "Ben", seniority="senior")
TWO = (Task("t1", 1, "ready", Need(minutes=240)), Task("t2", 2, "blocked", Need(points=2)))
SNAPSHOT = Snapshot(NINE, Grain(60, Calendar("Europe/Berlin")), (ANNA, BEN), TWO, (Edge("t1", "t2"),))


def test_the_hash_does_not_depend_on_the_order_of_the_inputs_nor_on_the_zone_an_instant_is_written_in() -> None:
    turned = replace(SNAPSHOT, members=(BEN, ANNA), tasks=TWO[::-1], dependencies=(Edge("t1", "t2"),) * 2)
    assert input_hash(turned) == input_hash(SNAPSHOT)
    elsewhere = replace(SNAPSHOT, as_of=NINE.astimezone(timezone(timedelta(hours=5))))
    assert input_hash(elsewhere) == input_hash(SNAPSHOT)


def test_the_hash_stays_within_a_grain_and_so_does_the_schedule() -> None:
    later = replace(SNAPSHOT, as_of=NINE + timedelta(minutes=59))
    assert input_hash(later) == input_hash(SNAPSHOT)
    assert calculate(later) == calculate(SNAPSHOT)
    assert input_hash(replace(SNAPSHOT, as_of=NINE + timedelta(minutes=60))) != input_hash(SNAPSHOT)


@pytest.mark.parametrize(
    "other",
    [
        replace(SNAPSHOT, previous_version=1),
        replace(SNAPSHOT, grain=Grain(30, Calendar("Europe/Berlin"))),
        replace(SNAPSHOT, grain=Grain(60, Calendar("Europe/Berlin", holidays=frozenset({date(2026, 12, 25)})))),
        replace(SNAPSHOT, members=(ANNA, replace(BEN, share=0.5))),
        replace(SNAPSHOT, members=(ANNA, replace(BEN, days_off=frozenset({date(2026, 12, 24)})))),
        replace(SNAPSHOT, tasks=(replace(TWO[0], not_before=NINE), TWO[1])),
        replace(SNAPSHOT, tasks=(TWO[0], replace(TWO[1], need=Need(points=3)))),
        replace(SNAPSHOT, dependencies=()),
        replace(SNAPSHOT, dependencies=(Edge("t1", "t2", "SS"),)),
        replace(SNAPSHOT, dependencies=(Edge("t1", "t2", lag=60),)),
        replace(SNAPSHOT, dependencies=(Edge("t1", "t2", lag=60, clock="elapsed"),)),
    ],
)
def test_every_input_counts(other: Snapshot) -> None:
    assert input_hash(other) != input_hash(SNAPSHOT)


def test_the_canonical_form_is_fixed() -> None:
    value = {"b": frozenset({"y", "x"}), "a": [NINE, date(2026, 1, 2), None, 0.5, "ä"]}
    assert canonical_json(value) == '{"a":["2026-11-23T09:00:00+00:00","2026-01-02",null,0.5,"ä"],"b":["x","y"]}'
    for nonsense in (object(), float("nan")):
        with pytest.raises((TypeError, ValueError)):
            canonical_json(nonsense)


def test_equal_schedules_have_no_difference() -> None:
    assert difference(calculate(SNAPSHOT), calculate(SNAPSHOT)) == ()


def test_at_first_every_task_is_newly_planned_with_its_cause() -> None:
    plan = calculate(SNAPSHOT)
    first, second = difference(None, plan)
    assert (first.task_id, first.start_before, first.start_after, first.cause) == ("t1", None, NINE, "as of")
    assert (second.task_id, second.end_after, second.cause) == ("t2", plan.by_task["t2"].end, "after t1")


def test_a_move_says_from_when_to_when_and_why() -> None:
    before = calculate(SNAPSHOT)
    after = calculate(replace(SNAPSHOT, tasks=(replace(TWO[0], need=Need(minutes=300)), TWO[1])))
    moved = {each.task_id: each for each in difference(before, after)}
    old, new = before.by_task["t2"], after.by_task["t2"]
    assert moved["t2"] == Moved("t2", "after t1", old.start, new.start, old.end, new.end)


def test_a_change_of_member_is_told() -> None:
    before = calculate(replace(SNAPSHOT, members=(ANNA,)))
    after = calculate(replace(SNAPSHOT, members=(BEN,)))
    assert difference(before, after)[0].cause == "member mem_a → mem_b, as of"


def test_what_is_no_longer_planned_says_why() -> None:
    before = calculate(SNAPSHOT)
    failed = calculate(replace(SNAPSHOT, tasks=(replace(TWO[0], status="failed"), TWO[1])))
    assert {each.task_id: each.cause for each in difference(before, failed)} == {"t1": "failed", "t2": "behind t1"}
    shorter = calculate(replace(SNAPSHOT, tasks=TWO[:1], dependencies=()))
    gone = difference(before, shorter)[-1]
    assert (gone.task_id, gone.cause, gone.start_after, gone.end_after) == ("t2", "removed", None, None)


def test_a_move_fits_the_contract() -> None:
    for moved in difference(None, calculate(SNAPSHOT)):
        assert Move.model_validate(vars(moved)).model_dump() == vars(moved)
