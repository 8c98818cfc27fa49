"""How well an agent fits a task: the formula, its values, and what never holds otherwise."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.executor.tests.dispatches import dispatched

from orchestra.contracts.machine_work import AgentBrief
from orchestra.contracts.planning import Command
from orchestra.executor.domain.agents.registry import Agent, Results, Standing, standing
from orchestra.executor.domain.agents.scoring import (
    LOAD,
    TIER,
    Candidate,
    Score,
    Wanted,
    availability,
    capability,
    load_level,
    score,
    words_of,
)

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
PART = st.floats(0, 1)
SCORES = st.builds(Score, PART, PART, PART, PART, st.booleans(), st.booleans())


def measured(success: float, quality: float = 1.0, count: int = 5, **more: bool) -> Results:
    return Results(done=count, success=success, quality=quality, **more)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (measured(1, count=4), "newcomer"),
        (measured(0, count=4), "newcomer"),
        (measured(0.95, 0.9), "elite"),
        (measured(0.95, 0.89), "advanced"),
        (measured(0.94), "advanced"),
        (measured(0.85), "advanced"),
        (measured(0.84), "competent"),
        (measured(0.7), "competent"),
        (measured(0.69), "trainee"),
        (measured(0.5), "trainee"),
        (measured(0.4), "trainee"),
        (measured(0.4, degraded=True), "degraded"),
    ],
)
def test_an_agent_stands_by_its_results(results: Results, expected: Standing) -> None:
    assert standing(results) == expected


def test_the_score_is_the_sum_that_is_documented() -> None:
    assert Score(0.8, 1, 0.5, 1).total == pytest.approx(0.4 * 0.8 + 0.3 + 0.2 * 0.5 + 0.1)
    assert Score(0.4, 0.7, 0.2, 0, preferred=True).total == pytest.approx(0.16 + 0.21 + 0.04 + 0.2)
    assert Score(0.4, 0.7, 0.2, 0, preferred_type=True).total == pytest.approx(0.16 + 0.21 + 0.04 + 0.3)
    assert Score(1, 1, 1, 1).total == 1
    assert Score(0, 0, 0, 0).total == 0


def test_tiers_and_loads_have_their_values() -> None:
    measured = {"elite": 1, "advanced": 0.8, "competent": 0.6, "trainee": 0.4, "degraded": 0.2}
    assert measured | {"newcomer": 0.6} == TIER
    assert LOAD == {"idle": 1, "optimal": 0.8, "high": 0.5, "critical": 0.2, "full": 0}


@pytest.mark.parametrize(
    ("held", "concurrency", "level"),
    [
        (0, 1, "idle"),
        (1, 1, "full"),
        (1, 3, "optimal"),
        (1, 2, "high"),
        (79, 100, "high"),
        (4, 5, "critical"),
        (5, 5, "full"),
        (6, 5, "full"),
    ],
)
def test_load_is_what_is_held_of_what_may_be(held: int, concurrency: int, level: str) -> None:
    assert load_level(held, concurrency) == level


@given(SCORES)
def test_no_score_leaves_its_bounds(found: Score) -> None:
    assert 0 <= found.total <= 1


@given(SCORES, st.sampled_from(["tier", "capability", "load", "availability"]), PART)
def test_more_of_one_part_is_never_less(found: Score, part: str, other: float) -> None:
    low, high = sorted([getattr(found, part), other])

    assert replace(found, **{part: low}).total <= replace(found, **{part: high}).total


@given(SCORES, st.sampled_from(["preferred", "preferred_type"]))
def test_a_wish_never_makes_a_score_less(found: Score, wish: str) -> None:
    assert replace(found, **{wish: False}).total <= replace(found, **{wish: True}).total


@given(st.integers(0, 40), st.integers(1, 20))
def test_more_in_hand_is_never_a_better_load(held: int, concurrency: int) -> None:
    assert LOAD[load_level(held + 1, concurrency)] <= LOAD[load_level(held, concurrency)]


@given(st.floats(0, 300), st.floats(0, 300))
def test_the_longer_an_outside_agent_is_silent_the_less_it_is_there(first: float, second: float) -> None:
    soon, late = sorted([first, second])

    def there(seconds: float) -> float:
        return availability(Agent("w", "a", outside=True, heartbeat_at=NOW - timedelta(seconds=seconds)), NOW)

    assert 0 <= there(late) <= there(soon) <= 1


def test_who_is_inside_is_there_and_who_never_gave_a_sign_is_not() -> None:
    heard = Agent("w", "a", outside=True, heartbeat_at=NOW - timedelta(seconds=60))

    assert availability(Agent("w", "a"), NOW) == 1
    assert availability(Agent("w", "a", outside=True), NOW) == 0
    assert availability(heard, NOW) == pytest.approx(0.5)


def test_a_capability_is_the_kind_and_a_word_of_the_task() -> None:
    wanted = Wanted("any", "code", words=words_of("Port the parser to C++, with node.js."))

    def fits(change: Callable[[Agent], Agent]) -> float:
        return capability(change(Agent("w", "a")), wanted)

    assert fits(lambda a: replace(a, kinds=frozenset({"asset"}), capabilities=frozenset({"c++"}))) == 0
    assert fits(lambda a: a) == 0.7
    assert fits(lambda a: replace(a, capabilities=frozenset({"pars"}))) == 0.7
    assert fits(lambda a: replace(a, capabilities=frozenset({"c++"}))) == 1
    assert fits(lambda a: replace(a, capabilities=frozenset({"node.js", "go"}))) == 1


def test_what_a_task_asks_for_stands_in_its_dispatch() -> None:
    brief = AgentBrief(instructions="Explain each Symbol.", kind="documentation", tools=("fetch",), prefer="ada")
    event = dispatched(Command(argv=(), agent=brief), title="The legend")

    wanted = Wanted.of(event, brief)

    assert (wanted.agent, wanted.kind, wanted.difficulty, wanted.prefer) == ("any", "documentation", "medium", "ada")
    assert wanted.tools == ("fetch",)
    assert {"legend", "symbol", "explain"} <= wanted.words


def test_a_score_is_made_of_what_the_agent_is_now() -> None:
    agent = Agent("w", "ada", type="reviewer", concurrency=2, capabilities=frozenset({"legend"}))
    candidate = Candidate(agent, measured(0.9), held=1)
    wanted = Wanted("any", words=frozenset({"legend"}), prefer="ada", prefer_type="reviewer")

    found = score(candidate, wanted, NOW)

    assert found == Score(0.8, 1.0, 0.5, 1.0, preferred=True, preferred_type=True)
    assert found.total == 1
    assert score(candidate, replace(wanted, prefer=None, prefer_type=None), NOW).total == pytest.approx(0.82)
