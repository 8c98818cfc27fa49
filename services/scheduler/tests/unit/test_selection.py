"""Who may take a task now: the checks in their order, each with its rule, and the workload behind the last one."""

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.contracts.scheduling import TaskStatus
from orchestra.scheduler.domain.errors import InvalidMember
from orchestra.scheduler.domain.people.absence import Absence, absences
from orchestra.scheduler.domain.people.member import MULTIPLIERS, Member, Need, Seniority
from orchestra.scheduler.domain.people.selection import refusal
from orchestra.scheduler.domain.people.workload import Workload, points_of, workload
from orchestra.scheduler.domain.timeline.calendar import Calendar
from orchestra.scheduler.domain.work.task import Task

ANA = Member("mem_1", "ana", "Ana", roles=frozenset({"editor"}))
CALENDAR = Calendar()


def task(key: str = "read", points: float | None = 2, status: TaskStatus = "ready", role: str = "editor") -> Task:
    pool = f"person|{role}"
    return Task(f"tsk_{key}", "wsp", "prj", "pln", None, key, key, status, pool, role, None, (), points)


FAULTS = (
    ("BR-PROJ-002", lambda case: {**case, "member": replace(case["member"], is_manager=True)}),
    ("BR-TASK-004", lambda case: {**case, "task": replace(case["task"], points=None)}),
    ("BR-TASK-003", lambda case: {**case, "task": replace(case["task"], status="assigned")}),
    ("BR-ASSIGN-002", lambda case: {**case, "member": replace(case["member"], roles=frozenset())}),
    ("BR-DEP-003", lambda case: {**case, "waits_for": ("write",)}),
    ("BR-ASSIGN-004", lambda case: {**case, "member": replace(case["member"], slots=1)}),
    ("BR-ASSIGN-003", lambda case: {**case, "member": replace(case["member"], slots=2)}),
)
"""Each with the rule that refuses it. With all of them the first is said, without the first the second, …"""


@pytest.mark.parametrize("first", range(len(FAULTS)))
def test_br_assign_002_the_checks_are_made_in_their_order(first: int) -> None:
    in_hand = [task("other", 14)] if first >= len(FAULTS) - 2 else []
    case: dict[str, Any] = {"member": ANA, "task": task(), "waits_for": (), "in_hand": in_hand}
    for _, spoil in reversed(FAULTS[first:]):
        case = spoil(case)

    refused = refusal(**case, calendar=CALENDAR)

    assert refused is not None
    assert refused.rule == FAULTS[first][0]


def test_br_assign_002_whoever_gave_it_back_may_take_it_again() -> None:
    assert refusal(ANA, replace(task(), declined=("mem_1",)), (), [], CALENDAR) is None


def test_br_assign_003_the_refusal_has_the_numbers() -> None:
    two = replace(ANA, slots=2)
    assert refusal(two, task(points=1), (), [task("other", 14)], CALENDAR) is None  # 15 of 10 is tight still
    said = str(refusal(two, task(points=2), (), [task("other", 14)], CALENDAR))
    assert all(number in said for number in ("14 points", "has 2", "1.60", "capacity of 10", "1 points are left"))


@pytest.mark.parametrize(
    ("points", "band"),
    [
        (0, "idle"),
        (3, "idle"),
        (3.1, "relaxed"),
        (7, "relaxed"),
        (12, "healthy"),
        (12.5, "tight"),
        (15, "tight"),
        (15.1, "impossible"),
    ],
)
def test_br_work_002_the_bands_have_exact_bounds(points: float, band: str) -> None:
    assert workload(ANA, [Need(points=points)], CALENDAR).band == band


@pytest.mark.parametrize(("seniority", "left"), [("junior", 9), ("mid", 15), ("senior", 19), ("lead", 16)])
def test_br_work_003_what_is_left_is_whole_points(seniority: Seniority, left: int) -> None:
    assert workload(replace(ANA, seniority=seniority), [], CALENDAR).points_left == left
    assert workload(replace(ANA, seniority=seniority), [Need(points=100)], CALENDAR).points_left == 0


@given(st.sampled_from(sorted(MULTIPLIERS)), st.integers(1, 20))
def test_br_work_001_minutes_weigh_what_the_points_that_take_so_long_weigh(seniority: Seniority, days: int) -> None:
    worth = points_of(Need(minutes=days * 480), seniority, CALENDAR)
    assert worth == days * 2 * Fraction(str(MULTIPLIERS[seniority]))


@given(st.sampled_from(sorted(MULTIPLIERS)), st.fractions(0, 30, max_denominator=4))
def test_br_work_003_the_points_left_can_be_taken_and_one_more_cannot(seniority: Seniority, score: Fraction) -> None:
    load = Workload(score, 10 * Fraction(str(MULTIPLIERS[seniority])))
    left = Fraction(load.points_left)
    assert left == 0 or (load + left).band != "impossible"
    assert (load + (left + 1)).band == "impossible"


DAYS = st.integers(0, 40).map(lambda n: date(2026, 12, 1) + timedelta(n))


@given(st.dictionaries(DAYS, st.sampled_from(["", "ill", "away"])))
def test_stretches_of_days_off_are_the_days_and_their_reasons(reasons: dict[date, str]) -> None:
    found = absences(set(reasons), reasons)
    assert {day: each.reason for each in found for day in each} == reasons
    for before, after in pairwise(found):
        assert before.last < after.first
        assert before.reason != after.reason or (after.first - before.last).days > 1


@pytest.mark.parametrize("days", [-1, 366])
def test_a_stretch_has_an_order_and_a_limit(days: int) -> None:
    with pytest.raises(InvalidMember):
        Absence(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days))
