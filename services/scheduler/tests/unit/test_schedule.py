"""The schedule by example. The project works Monday to Friday, 9 to 17, UTC; the plan begins on Monday 23 November."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from orchestra.scheduler.domain.errors import CyclicDependency
from orchestra.scheduler.domain.people.member import Member, Need
from orchestra.scheduler.domain.timeline.calendar import Calendar
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.timeline.placement import Cause, Placement, Schedule, Unplaced
from orchestra.scheduler.domain.timeline.schedule import calculate
from orchestra.scheduler.domain.timeline.snapshot import Snapshot, Task
from orchestra.scheduler.domain.work.dependency import Edge

ANNA = Member("mem_a", "anna", "Anna")
BEN = Member("mem_b", "ben", "Ben")
SHELL = Member("mem_s", "shell", "Shell", kind="agent", slots=2)


def on(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


MONDAY = on(23, 9)


def task(name: str, hours: float = 8, **values: Any) -> Task:
    """`name` ends in its place in the plan; a need given replaces the hours."""
    values.setdefault("need", Need(minutes=int(hours * 60)))
    return Task(**{"id": name, "order": int(name[1:]), "status": "ready", **values})


def command(name: str, minutes: int, **values: Any) -> Task:
    return task(name, need=Need(command=True, minutes=minutes), **values)


def edge_of(text: str) -> Edge:
    predecessor, successor, *more = text.split()
    kind, lag, clock = [*more, *("FS", "0", "working")[len(more) :]]
    return Edge(predecessor, successor, kind, int(lag), clock)  # pyright: ignore[reportArgumentType]


def snapshot(
    tasks: Sequence[Task], *edges: str, members: Sequence[Member] = (ANNA,), as_of: datetime = MONDAY, **values: Any
) -> Snapshot:
    """Edges as "t1 t2": t1 before t2; or with more to say: "t1 t2 SS 120 elapsed"."""
    dependencies = tuple(edge_of(edge) for edge in edges)
    grain = values.pop("grain", Grain(60, Calendar()))
    return Snapshot(as_of, grain, tuple(members), tuple(tasks), dependencies, **values)


def schedule(tasks: Sequence[Task], *edges: str, **values: Any) -> dict[str, Placement]:
    return calculate(snapshot(tasks, *edges, **values)).by_task


def dates(placement: Placement) -> tuple[datetime, datetime]:
    return placement.start, placement.end


def test_a_successor_starts_when_its_predecessor_ends_and_says_so() -> None:
    plan = schedule([task("t1", 4), task("t2", 8)], "t1 t2")
    assert dates(plan["t1"]) == (MONDAY, on(23, 13))
    assert dates(plan["t2"]) == (on(23, 13), on(24, 13))
    assert plan["t1"].cause == Cause("as of")
    assert plan["t2"].cause == Cause("predecessor", "t1")


def test_a_successor_does_not_start_on_a_day_off() -> None:
    away = replace(ANNA, days_off=frozenset({date(2026, 11, 24)}))
    plan = schedule([task("t1"), task("t2")], "t1 t2", members=[away])
    assert dates(plan["t1"]) == (on(23, 9), on(23, 17))
    assert dates(plan["t2"]) == (on(25, 9), on(25, 17))


def test_nobody_works_on_a_holiday_but_agents() -> None:
    holiday = Grain(60, Calendar(holidays=frozenset({date(2026, 11, 23)})))
    plan = schedule([task("t1"), command("t2", 5)], members=[ANNA, SHELL], grain=holiday)
    assert plan["t1"].start == on(24, 9)
    assert plan["t1"].cause == Cause("calendar")
    assert dates(plan["t2"]) == (on(23, 9), on(23, 9, 5))


def test_a_member_does_one_task_at_a_time_and_the_cause_names_the_other() -> None:
    plan = schedule([task("t1", 4), task("t2", 4)])
    assert dates(plan["t2"]) == (on(23, 13), on(23, 17))
    assert plan["t2"].cause == Cause("member busy", "t1")


def test_an_agent_does_as_many_tasks_at_a_time_as_it_has_slots() -> None:
    plan = schedule([command(f"t{n}", 10) for n in (1, 2, 3)], members=[SHELL])
    assert [plan[name].start for name in ("t1", "t2", "t3")] == [MONDAY, MONDAY, on(23, 9, 10)]


def test_a_not_before_is_a_gate() -> None:
    plan = schedule([task("t1", 4, not_before=on(23, 11)), task("t2", 1)], "t1 t2")
    assert plan["t1"].start == on(23, 11)
    assert plan["t1"].cause == Cause("not before")


def test_a_short_task_uses_a_gap_that_is_long_enough() -> None:
    plan = schedule([task("t1", 4, not_before=on(23, 11)), task("t2", 8), task("t3", 2)], "t1 t2")
    assert dates(plan["t3"]) == (on(23, 9), on(23, 11))


def test_the_longest_chain_goes_first_and_the_plan_settles_ties() -> None:
    plan = schedule([task("t1", 2), task("t2", 2), task("t3", 2), task("t4", 8)], "t3 t4")
    assert plan["t3"].start < plan["t1"].start < plan["t2"].start


def test_seniority_moves_dates() -> None:
    points = [task("t1", need=Need(points=4)), task("t2", 1)]
    ends = [
        schedule(points, "t1 t2", members=[replace(ANNA, seniority=level)])["t1"].end for level in ("junior", "senior")
    ]
    assert ends == [on(26, 12), on(24, 14)]  # 26.7 and 12.3 hours


def test_a_members_share_moves_dates() -> None:
    assert schedule([task("t1", 4)], members=[replace(ANNA, share=0.5)])["t1"].end == on(23, 17)


def test_running_work_slows_down_what_is_begun_beside_it() -> None:
    """Two slots: 30 % are left beside the running task, so 3 hours take 10; alone they would end much later."""
    two = replace(ANNA, slots=2)
    running = task("t1", 28, status="running", assignee="mem_a", started_at=MONDAY, share=0.7)
    beside = schedule([running, task("t2", 3)], members=[two])["t2"]
    assert (beside.start, beside.end, beside.share) == (MONDAY, on(24, 11), 0.3)
    nearly_done = replace(running, need=Need(minutes=60))
    after = schedule([nearly_done, task("t2", 3)], members=[two])["t2"]
    assert (after.start, after.end, after.share) == (on(23, 11), on(23, 14), 1.0)  # 1 h at 70 % ends at 11
    assert after.cause == Cause("member busy", "t1")


def test_whoever_ends_it_first_gets_the_task() -> None:
    plan = schedule([task("t1", need=Need(points=2))], members=[ANNA, replace(BEN, seniority="senior")])
    assert plan["t1"].member == "mem_b"


def test_an_assigned_task_stays_with_its_assignee() -> None:
    plan = schedule([task("t1", status="assigned", assignee="mem_b"), task("t2", 8)], members=[ANNA, BEN])
    assert (plan["t1"].member, plan["t2"].member) == ("mem_b", "mem_a")


def test_a_task_stays_with_its_previous_member_though_another_would_do() -> None:
    before = calculate(snapshot([task("t1", 8)], members=[BEN]))
    after = schedule([task("t1", 8)], members=[ANNA, BEN], previous=before, previous_version=1)
    assert after["t1"].member == "mem_b"


def test_tasks_keep_their_previous_order() -> None:
    """t3 makes t1 more urgent than t2, which was planned first when t1 was behind a gate."""
    tasks = [task("t1", 2, not_before=on(23, 10)), task("t2", 1), task("t3", 1)]
    before = calculate(snapshot(tasks, "t1 t3"))
    after = calculate(snapshot([task("t1", 2), *tasks[1:]], "t1 t3", previous=before, previous_version=1))
    assert after == replace(before, placements=after.placements)
    assert [dates(each) for each in after.placements] == [dates(each) for each in before.placements]
    assert after.by_task["t1"].cause == Cause("member busy", "t2")


def test_a_task_that_is_new_comes_after_what_was_planned() -> None:
    before = calculate(snapshot([task("t2", 2)]))
    after = schedule([task("t1", 4), task("t2", 2), task("t3", 8)], "t1 t3", previous=before, previous_version=1)
    assert after["t2"].start == MONDAY
    assert after["t1"].cause == Cause("member busy", "t2")


@pytest.mark.parametrize(("busy", "member"), [(1, "mem_b"), (3, "mem_a")])
def test_the_plan_is_made_afresh_only_when_that_saves_a_twentieth_of_what_is_left(busy: int, member: str) -> None:
    """20 hours end on Wednesday at 13, in 52 hours by the clock; Ben has something else to do first."""
    before = calculate(snapshot([task("t1", 20)], members=[BEN]))
    running = task("t2", busy, status="running", assignee="mem_b", started_at=MONDAY)
    after = schedule([task("t1", 20), running], members=[ANNA, BEN], previous=before, previous_version=1)
    assert after["t1"].member == member


def test_the_tasks_of_a_member_who_leaves_go_to_others() -> None:
    before = calculate(snapshot([task("t1", 8)], members=[BEN]))
    assert schedule([task("t1", 8)], previous=before, previous_version=1)["t1"].member == "mem_a"


def test_br_sched_005_a_started_task_keeps_its_start() -> None:
    for as_of in (on(23, 9), on(23, 15), on(25, 11)):
        plan = schedule([task("t1", 8, status="running", assignee="mem_a", started_at=on(20, 16, 25))], as_of=as_of)
        assert plan["t1"].start == on(20, 16, 25)
        assert plan["t1"].cause == Cause("started")


def test_br_sched_001_an_overdue_task_ends_a_grain_from_now_and_002_pushes_what_follows() -> None:
    started = task("t1", 2, status="running", assignee="mem_a", started_at=MONDAY)
    plan = schedule([started, task("t2", 2)], "t1 t2", as_of=on(23, 16, 20))
    assert plan["t1"].end == on(23, 17)
    assert dates(plan["t2"]) == (on(24, 9), on(24, 11))


def test_an_overdue_task_ends_within_working_time_even_if_asked_on_a_sunday() -> None:
    started = task("t1", 2, status="in_review", assignee="mem_a", started_at=on(20, 9))
    assert schedule([started], as_of=on(22, 12))["t1"].end == on(23, 10)
    agents = command("t2", 2, status="running", assignee="mem_s", started_at=on(20, 9))
    assert schedule([agents], members=[SHELL], as_of=on(22, 12, 5))["t2"].end == on(22, 13)


def test_more_started_tasks_than_slots_all_keep_their_dates_and_hold_back_the_next() -> None:
    started = [task(f"t{n}", n, status="running", assignee="mem_a", started_at=MONDAY) for n in (1, 2, 3)]
    plan = schedule([*started, task("t4", 1)])
    assert [plan[f"t{n}"].end.hour for n in (1, 2, 3)] == [10, 11, 12]
    assert plan["t4"].start == on(23, 12)
    assert plan["t4"].cause == Cause("member busy", "t3")


def test_an_early_finish_pulls_successors_in() -> None:
    first = calculate(snapshot([task("t1", 16), task("t2", 8)], "t1 t2"))
    done = task("t1", 16, status="done", assignee="mem_a", started_at=MONDAY, ended_at=on(23, 12, 7))
    second = schedule([done, task("t2", 8)], "t1 t2", as_of=on(23, 12, 10), previous=first, previous_version=1)
    assert dates(second["t1"]) == (MONDAY, on(23, 12, 7))
    assert second["t1"].cause == Cause("done")
    assert second["t2"].start == on(23, 12, 7) < first.by_task["t2"].start


def test_a_task_given_back_or_tried_again_is_planned_anew_whatever_its_first_start_was() -> None:
    again = command("t1", 5, started_at=on(20, 9), not_before=on(23, 9, 2))
    plan = schedule([again], members=[SHELL])["t1"]
    assert plan.start == on(23, 9, 2)
    assert plan.cause == Cause("not before")


def test_br_proj_002_a_manager_gets_no_task_by_any_route() -> None:
    boss = replace(BEN, is_manager=True, roles=frozenset({"editor"}))
    tasks = [
        task("t1"),
        task("t2", need=Need(role="editor")),
        task("t3", status="assigned", assignee="mem_b"),
        task("t4", status="running", assignee="mem_b", started_at=MONDAY),
    ]
    plan = calculate(snapshot(tasks, members=[ANNA, boss]))
    assert {each.member for each in plan.placements} == {"mem_a"}
    assert plan.unplaced == (
        Unplaced("t2", "no member", "editor"),
        Unplaced("t3", "member", "mem_b"),
        Unplaced("t4", "member", "mem_b"),
    )


def test_what_nobody_can_take_is_unplaced_with_what_is_behind_it() -> None:
    tasks = [task("t1", need=Need(role="lawyer")), task("t2"), task("t3"), task("t4")]
    plan = calculate(snapshot(tasks, "t1 t2", "t2 t3"))
    assert [str(each) for each in plan.unplaced] == ["no member lawyer", "behind t1", "behind t2"]
    assert list(plan.by_task) == ["t4"]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_what_is_behind_a_failed_or_cancelled_task_is_unplaced_and_the_rest_goes_on(status: str) -> None:
    ended = task("t1", status=status, assignee="mem_a", started_at=on(20, 9), ended_at=on(20, 10))
    plan = calculate(snapshot([ended, task("t2", status="blocked"), task("t3", 4)], "t1 t2"))
    assert Unplaced("t2", "behind", "t1") in plan.unplaced
    assert (Unplaced("t1", "failed") in plan.unplaced) == (status == "failed")
    assert dates(plan.by_task["t3"]) == (MONDAY, on(23, 13))
    assert plan.project_end == on(23, 13)


def test_a_skipped_task_holds_nothing_back_and_has_no_dates() -> None:
    plan = schedule([task("t1", status="skipped"), task("t2")], "t1 t2")
    assert list(plan) == ["t2"]
    assert plan["t2"].start == MONDAY


def test_br_sched_006_the_project_ends_with_its_last_task() -> None:
    plan = calculate(snapshot([task("t1", 4), task("t2", 12)], members=[ANNA, BEN]))
    assert plan.project_end == on(24, 13)
    done = task("t1", status="done", ended_at=on(20, 15))
    assert calculate(snapshot([done])).project_end == on(20, 15)
    assert calculate(snapshot([])) == Schedule((), (), None)


def test_slack_is_how_many_working_minutes_a_task_may_slip() -> None:
    plan = schedule([task("t1", 4), task("t2", 12), task("t3", 2)], "t1 t3", "t2 t3", members=[ANNA, BEN])
    assert plan["t1"].slack == 8 * 60
    assert not plan["t1"].critical
    assert (plan["t1"].late_start, plan["t1"].late_end) == (on(24, 9), on(24, 13))
    assert plan["t2"].critical
    assert plan["t3"].critical
    slipped = schedule([task("t1", 12), task("t2", 12), task("t3", 2)], "t1 t3", "t2 t3", members=[ANNA, BEN])
    assert slipped["t3"].end == plan["t3"].end


def test_the_critical_path_runs_through_members_who_are_busy() -> None:
    """t1 and t2 do not depend on each other, but Anna does both."""
    tasks = [task("t1", 4, assignee="mem_a"), task("t2", 4, assignee="mem_a"), task("t3", 1, assignee="mem_b")]
    plan = calculate(snapshot(tasks, members=[ANNA, BEN]))
    assert [each.task for each in plan.critical_path] == ["t1", "t2"]
    assert plan.by_task["t3"].slack == 7 * 60


def test_what_ends_before_a_weekend_may_slip_into_it_only_if_its_member_works_then() -> None:
    tasks = [command("t1", 60, not_before=on(27, 16)), task("t2")]
    plan = schedule(tasks, "t1 t2", members=[ANNA, SHELL])
    assert plan["t2"].start == on(30, 9)
    assert plan["t2"].cause == Cause("predecessor", "t1")
    assert plan["t1"].slack == (on(30, 9) - on(27, 17)) // timedelta(minutes=1)
    by_hand = schedule([task("t1", 1, not_before=on(27, 16)), task("t2")], "t1 t2")
    assert by_hand["t1"].slack == 0
    assert by_hand["t1"].critical


def test_a_plan_in_days_is_rounded_to_working_days() -> None:
    days = Grain(1440, Calendar())
    plan = schedule([task("t1", need=Need(points=3)), task("t2", 1)], "t1 t2", grain=days, as_of=on(23, 11, 40))
    assert dates(plan["t1"]) == (on(23, 9), on(24, 17))
    assert dates(plan["t2"]) == (on(25, 9), on(25, 17))


def test_br_dep_002_a_cycle_is_refused() -> None:
    with pytest.raises(CyclicDependency, match="t1 → t2 → t1"):
        schedule([task("t1"), task("t2")], "t1 t2", "t2 t1")


def test_a_done_task_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="t1 is done and has no end"):
        task("t1", status="done")


def test_a_chain_of_3_000_tasks_is_scheduled() -> None:
    tasks = [command(f"t{n}", 1) for n in range(3000)]
    plan = calculate(snapshot(tasks, *(f"t{n} t{n + 1}" for n in range(2999)), members=[SHELL]))
    assert plan.project_end == MONDAY + timedelta(minutes=3000)
    assert len(plan.critical_path) == 3000
