"""Gates of starts and ends, case by case, and what may be asked of an edge at all."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.dependency_cases import CASES, ENDED, NOW, STARTED, Case

from orchestra.scheduler.domain.errors import InvalidDependency
from orchestra.scheduler.domain.timeline.calendar import Calendar
from orchestra.scheduler.domain.timeline.working_time import WorkingTime
from orchestra.scheduler.domain.work.dependency import Edge, Gate, check_edges
from orchestra.scheduler.domain.work.explanation import explain
from orchestra.scheduler.domain.work.task import Task

TIME = WorkingTime.of(Calendar())
A = Task("tsk_a", "w", "p", "pln", None, "a", "A", "ready", "person|", None, None, ())
B = replace(A, id="tsk_b", key="b", status="blocked")


def gate_of(case: Case) -> Gate:
    edge = Edge("tsk_a", "tsk_b", case.kind, case.hours * 60, case.clock)
    reached = edge.reached(case.a)
    opens_at = edge.opens(STARTED if edge.after_start else ENDED, TIME) if edge.lag and reached else None
    return Gate(edge, replace(A, status=case.a), opens_at)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_table_of_cases_holds(case: Case) -> None:
    gate = gate_of(case)
    held_start = not gate.edge.before_end and gate.closed(NOW)
    held_end = gate.edge.before_end and gate.closed(NOW)
    assert (not held_start, not held_end) == (case.starts, case.ends)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_held_back_is_explained_by_its_edge_and_lag(case: Case) -> None:
    gate = gate_of(case)
    waiting = replace(B, status="in_review", performed_at=NOW) if gate.edge.before_end else B
    told = explain(waiting, None, [gate], [], NOW)
    if gate.closed(NOW):
        [wait] = told.waits_for
        assert "a is" in wait.text or "a, which is" in wait.text or wait.kind == "lag"
        assert case.kind in wait.text or gate.edge.plain
        assert (f"{case.hours} h" in wait.text) == bool(case.hours)
    else:
        assert told.waits_for == ()


def test_the_explanation_says_until_when_a_lag_is_counted() -> None:
    told = explain(B, None, [gate_of(Case("SS", 4, "working", "running", False, True))], [], NOW)
    expected = "its start waits until 4 h of working time after a has started (SS), 2026-11-23 11:00 UTC"
    assert told.sentence == f"b is blocked: {expected}."


def test_a_lag_is_not_negative_and_two_tasks_are_bound_once_by_each_kind() -> None:
    check_edges([Edge("a", "b", "SS"), Edge("a", "b", "FF", 5)])
    with pytest.raises(InvalidDependency, match="not negative"):
        check_edges([Edge("a", "b", lag=-1)])
    with pytest.raises(InvalidDependency, match="SS is given twice"):
        check_edges([Edge("a", "b", "SS"), Edge("a", "b", "SS", 5)])


def test_on_a_calendar_that_has_no_working_time_left_the_clock_counts() -> None:
    always_off = WorkingTime("UTC", Calendar().hours, yearly=[(m, d) for m in range(1, 13) for d in range(1, 32)])
    since = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert Edge("a", "b", lag=60).opens(since, always_off) == since + timedelta(hours=1)


def test_a_working_lag_jumps_over_holidays() -> None:
    time = WorkingTime.of(Calendar(holidays=frozenset({date(2026, 11, 23)})))
    assert Edge("a", "b", lag=120).opens(ENDED, time) == datetime(2026, 11, 24, 10, tzinfo=UTC)
