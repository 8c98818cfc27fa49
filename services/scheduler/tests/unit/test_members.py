"""Who may take what, and how long it takes them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from orchestra.scheduler.domain.errors import InvalidCalendar, InvalidMember, ManagerTakesNoTask, NotEligible
from orchestra.scheduler.domain.people.member import MULTIPLIERS, Member, Need, Seniority, duration, may_take, obstacle
from orchestra.scheduler.domain.timeline.calendar import Calendar, Hours
from orchestra.scheduler.domain.timeline.grain import Grain

HOUR = Grain(60, Calendar())
DAY = Grain(1440, Calendar())
ANNA = Member("mem_1", "anna", "Anna", roles=frozenset({"editor"}))
AGENT = Member("mem_2", "shell", "Shell", kind="agent", tools=frozenset({"python3", "sort"}))


@pytest.mark.parametrize("kind", ["person", "agent"])
@pytest.mark.parametrize("need", [Need(), Need(role="editor"), Need(command=True)])
def test_br_proj_002_a_manager_may_take_nothing(kind: str, need: Need) -> None:
    manager = replace(ANNA, kind=kind, is_manager=True)
    assert isinstance(obstacle(manager, need), ManagerTakesNoTask)


def test_br_assign_002_the_role_must_match_where_one_is_asked_for() -> None:
    assert may_take(ANNA, Need())
    assert may_take(ANNA, Need(role="editor"))
    assert "role writer" in str(obstacle(ANNA, Need(role="writer")))


def test_an_agent_takes_commands_and_a_person_everything_else() -> None:
    assert may_take(AGENT, Need(command=True))
    assert not may_take(AGENT, Need())
    assert isinstance(obstacle(ANNA, Need(command=True)), NotEligible)


def test_an_agent_takes_only_commands_whose_tools_it_has() -> None:
    assert may_take(AGENT, Need(command=True, tools=frozenset({"sort"})))
    assert "cannot run awk" in str(obstacle(AGENT, Need(command=True, tools=frozenset({"awk", "sort"}))))


@pytest.mark.parametrize(
    ("seniority", "hours"), [("junior", 40), ("mid", 24), ("lead", 22), ("specialist", 20), ("senior", 19)]
)
def test_seniority_changes_the_duration(seniority: Seniority, hours: int) -> None:
    """6 points are 3 days of 8 hours for a mid; 24 h ÷ 1.3 = 18.46 h."""
    assert duration(replace(ANNA, seniority=seniority), Need(points=6), HOUR) == hours * 60


def test_the_multipliers_are_those_of_br_role_001_to_004() -> None:
    assert MULTIPLIERS == {"junior": 0.6, "mid": 1.0, "senior": 1.3, "specialist": 1.2, "lead": 1.1}


def test_a_half_share_takes_twice_as_long() -> None:
    assert duration(replace(ANNA, share=0.5), Need(points=2), HOUR) == 16 * 60
    assert duration(ANNA, Need(points=2), HOUR, share=0.25) == 32 * 60


def test_durations_are_rounded_up_to_the_grain_and_at_least_one() -> None:
    assert duration(ANNA, Need(points=0.1), HOUR) == 60
    assert duration(ANNA, Need(minutes=61), HOUR) == 120
    assert duration(ANNA, Need(), HOUR) == 60
    assert duration(ANNA, Need(points=3), DAY) == 2 * 480
    assert duration(ANNA, Need(minutes=10), Grain(15, Calendar())) == 15


def test_no_grain_is_lost_to_binary_fractions() -> None:
    """3 points of a junior are exactly 2.5 days, although 3 / (2 * 0.6) * 480 is a little more in floating point."""
    assert duration(replace(ANNA, seniority="junior"), Need(points=3), Grain(1, Calendar())) == 1200
    assert duration(replace(ANNA, share=0.1), Need(minutes=3), Grain(1, Calendar())) == 30


def test_minutes_given_hold_for_every_seniority_and_go_before_points() -> None:
    assert duration(replace(ANNA, seniority="junior"), Need(minutes=120, points=9), HOUR) == 120


def test_agents_plan_in_minutes_around_the_clock() -> None:
    assert duration(AGENT, Need(command=True, minutes=7), DAY) == 7
    assert duration(AGENT, Need(command=True), DAY) == 1
    sunday_night = datetime(2026, 11, 22, 3, 30, tzinfo=UTC)
    assert AGENT.working_time(Calendar()).next_working(sunday_night) == sunday_night


def test_a_working_day_is_as_long_as_the_projects() -> None:
    short = Grain(60, Calendar(hours=Hours(stretches=((540, 720), (780, 960)))))
    assert duration(ANNA, Need(points=2), short) == 6 * 60


def test_a_share_that_others_take_leaves_a_tenth_at_least() -> None:
    assert ANNA.share_left(0.7) == 0.3
    assert ANNA.share_left(1.0) == 0.1


def test_a_member_that_cannot_work_is_refused() -> None:
    for broken in ({"slots": 0}, {"share": 0.0}):
        with pytest.raises(InvalidMember, match="anna"):
            replace(ANNA, **broken)
    with pytest.raises(InvalidCalendar, match="Europe/Nowhere"):
        replace(ANNA, zone="Europe/Nowhere")
