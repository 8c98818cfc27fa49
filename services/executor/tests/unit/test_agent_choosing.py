"""Who gets a task: by name, by score, and by turns for those on probation."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given as with_
from hypothesis import strategies as st

from orchestra.contracts.machine_work import Difficulty
from orchestra.executor.domain.agents.choosing import TURN_OF_ANY, Assigned, Away, Choice, Unknown, choose, given
from orchestra.executor.domain.agents.registry import Agent, Results, house
from orchestra.executor.domain.agents.scoring import Candidate, Wanted

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
STANDINGS = {
    "elite": Results(done=9, success=1, quality=1),
    "competent": Results(done=9, success=0.8, quality=1),
    "trainee": Results(done=9, success=0.6, quality=1),
    "degraded": Results(failed=9, degraded=True),
    "newcomer": Results(),
}
DIFFICULTIES = st.sampled_from(get_args(Difficulty))


def candidate(name: str, standing: str = "competent", held: int = 0, passed: int = 0, **fields: Any) -> Candidate:
    return Candidate(Agent("w", name, **fields), STANDINGS[standing], held, passed)


def name_of(choice: Choice) -> str:
    assert isinstance(choice, Assigned), choice
    return choice.agent.name


def work_through(candidates: Sequence[Candidate], difficulties: Sequence[Difficulty]) -> list[str]:
    """Who gets each of the tasks, which all end before the next one comes."""
    got: list[str] = []
    for difficulty in difficulties:
        wanted = Wanted("any", difficulty=difficulty)
        choice = choose(candidates, wanted, NOW)
        got.append(name_of(choice))
        candidates = [replace(each, held=0) for each in given(candidates, wanted, choice, NOW)]
    return got


def test_a_name_means_that_one_whatever_the_scores_say() -> None:
    both = [candidate("ada", "elite"), candidate("bob", "degraded", kinds=frozenset({"asset"}))]

    assert name_of(choose(both, Wanted("bob", "code", "complex"), NOW)) == "bob"


@pytest.mark.parametrize(
    ("agent", "reason"),
    [
        ("eve", "No agent is called eve."),
        ("old", "The agent old is retired."),
        ("ada", "The agent ada may not use fetch."),
    ],
)
def test_who_cannot_be_given_it_is_refused_and_the_reason_said(agent: str, reason: str) -> None:
    all_ = [candidate("ada", tools=frozenset({"read_file"})), candidate("old", state="retired")]

    assert choose(all_, Wanted(agent, tools=("read_file", "fetch")), NOW) == Unknown(reason)


@pytest.mark.parametrize(
    ("candidate", "reason", "seconds"),
    [
        (candidate("ada", state="paused"), "it is paused", 60),
        (candidate("ada", held=2, concurrency=2), "it has the 2 that it may have at a time", 5),
        (candidate("ada", outside=True), "it has given no sign of life for 90 s", 30),
        (
            candidate("ada", outside=True, heartbeat_at=NOW - timedelta(seconds=90.1)),
            "it has given no sign of life for 90 s",
            30,
        ),
    ],
)
def test_who_is_away_is_waited_for(candidate: Candidate, reason: str, seconds: float) -> None:
    assert choose([candidate], Wanted("ada"), NOW) == Away("ada", reason, seconds)
    assert choose([candidate], Wanted("any"), NOW) == Away("any", f"ada: {reason}", seconds)


def test_an_outside_agent_that_was_heard_in_time_is_there() -> None:
    heard = candidate("ada", outside=True, heartbeat_at=NOW - timedelta(seconds=90))

    assert name_of(choose([heard], Wanted("ada"), NOW)) == "ada"


def test_any_is_whoever_fits_best() -> None:
    all_ = [candidate("ada", "elite", held=1, concurrency=2), candidate("bob", "elite"), candidate("cyd", "trainee")]

    assert name_of(choose(all_, Wanted("any"), NOW)) == "bob"
    assert name_of(choose(all_, Wanted("any", prefer="ada"), NOW)) == "ada"
    assert name_of(choose([*all_, candidate("dot", type="critic")], Wanted("any", prefer_type="critic"), NOW)) == "dot"


def test_those_that_are_equal_are_told_apart_by_what_they_hold_and_then_by_name() -> None:
    assert name_of(choose([candidate("bob"), candidate("ada")], Wanted("any"), NOW)) == "ada"
    loaded = [candidate("ada", held=2, concurrency=10), candidate("bob", held=1, concurrency=10)]
    assert name_of(choose(loaded, Wanted("any"), NOW)) == "bob"


@pytest.mark.parametrize(
    ("candidates", "reason"),
    [
        ([candidate("ada", state="retired")], "All agents of this workspace are retired."),
        ([candidate("ada", kinds=frozenset({"asset"}))], "No agent does work of the kind code."),
        ([candidate("ada", tools=frozenset())], "No agent that does work of the kind code may use all of fetch."),
    ],
)
def test_nobody_for_any_is_refused_where_waiting_does_not_help(candidates: list[Candidate], reason: str) -> None:
    assert choose(candidates, Wanted("any", tools=("fetch",)), NOW) == Unknown(reason)


def test_a_server_that_is_allowed_stands_for_all_of_its_tools() -> None:
    ada = [candidate("ada", tools=frozenset({"mcp:maps", "mcp:mail/read"}))]

    assert name_of(choose(ada, Wanted("ada", tools=("mcp:maps/draw", "mcp:maps", "mcp:mail/read")), NOW)) == "ada"
    assert isinstance(choose(ada, Wanted("ada", tools=("mcp:mail/send",)), NOW), Unknown)
    assert isinstance(choose(ada, Wanted("ada", tools=("mcp:mail",)), NOW), Unknown)


def test_the_built_in_agent_does_everything_from_its_first_day() -> None:
    alone = [Candidate(house("w"))]
    wanted = Wanted("any", "integration", "complex", ("run_command", "mcp:maps/draw"))

    assert name_of(choose(alone, wanted, NOW)) == "house"


def test_only_simple_work_goes_to_a_newcomer_by_its_score() -> None:
    both = [candidate("ada", "trainee"), candidate("new", "newcomer")]

    assert name_of(choose(both, Wanted("any", difficulty="simple"), NOW)) == "new"
    assert name_of(choose(both, Wanted("any", difficulty="medium"), NOW)) == "ada"


def test_a_newcomer_stands_in_where_the_others_are_busy_and_a_degraded_agent_does_not() -> None:
    busy = candidate("ada", held=1)

    assert name_of(choose([busy, candidate("new", "newcomer")], Wanted("any"), NOW)) == "new"
    assert choose([busy, candidate("low", "degraded")], Wanted("any"), NOW) == Away(
        "any", "ada: it has the 1 that it may have at a time", 5
    )


def test_a_degraded_agent_that_is_all_there_is_gets_the_work() -> None:
    low = candidate("low", "degraded")

    assert name_of(choose([low], Wanted("any", difficulty="complex"), NOW)) == "low"
    assert name_of(choose([low, candidate("ada", state="paused")], Wanted("any"), NOW)) == "low"


def test_turns_come_by_count() -> None:
    both = [candidate("ada", "elite"), candidate("low", "degraded")]

    assert work_through(both, ["simple"] * 10) == [*["ada"] * 4, "low", *["ada"] * 4, "low"]
    assert work_through(both, ["medium"] * 20) == [*["ada"] * 9, "low", *["ada"] * 9, "low"]
    # The fifth is not simple: the next simple one is its.
    assert work_through(both, ["medium"] * 6 + ["simple"] * 2) == [*["ada"] * 6, "low", "ada"]


def test_a_preference_takes_nobodys_turn_and_lifts_a_probation() -> None:
    due = candidate("low", "degraded", passed=TURN_OF_ANY)
    wanted = Wanted("any", prefer="ada")
    choice = choose([candidate("ada"), due], wanted, NOW)

    assert name_of(choice) == "ada"
    assert [each.passed for each in given([candidate("ada"), due], wanted, choice, NOW)] == [0, TURN_OF_ANY]
    two = [candidate("ada", "trainee"), candidate("new", "newcomer")]
    assert name_of(choose(two, Wanted("any", difficulty="complex", prefer="new"), NOW)) == "new"


def test_work_that_was_begun_goes_on_with_whoever_has_begun_it_and_takes_nobodys_turn() -> None:
    all_ = [candidate("ada", "elite"), candidate("bob", "degraded"), candidate("low", "degraded", passed=TURN_OF_ANY)]
    wanted = Wanted("any", difficulty="complex", earlier="bob", prefer="ada")
    choice = choose(all_, wanted, NOW)

    assert name_of(choice) == "bob"
    assert [each.passed for each in given(all_, wanted, choice, NOW)] == [0, 0, TURN_OF_ANY]


@pytest.mark.parametrize(
    "obstacle",
    [
        {"state": "paused"},
        {"state": "retired"},
        {"held": 1},
        {"outside": True},
        {"tools": frozenset({"write_file"})},
        {"kinds": frozenset({"asset"})},
    ],
)
def test_work_that_was_begun_is_given_to_another_where_whoever_has_begun_it_cannot(obstacle: dict[str, Any]) -> None:
    all_ = [candidate("bob", "elite", **obstacle), candidate("cyd", "trainee"), candidate("new", "newcomer", passed=3)]
    wanted = Wanted("any", tools=("read_file",), earlier="bob")
    choice = choose(all_, wanted, NOW)

    assert name_of(choice) == "cyd"
    assert given(all_, wanted, choice, NOW)[-1].passed == 4


def test_a_task_that_was_not_given_counts_for_nobody() -> None:
    both = [candidate("ada", held=1), candidate("low", "degraded", passed=3)]
    wanted = Wanted("any")

    assert given(both, wanted, choose(both, wanted, NOW), NOW) == both


AGENTS = st.tuples(st.sampled_from(list(STANDINGS)), st.integers(1, 3))
"""How one stands, and its concurrency."""
MEANT = st.sampled_from([None, "a0", "a1"])


@with_(st.lists(AGENTS, max_size=4), st.lists(DIFFICULTIES, min_size=TURN_OF_ANY + 4, max_size=TURN_OF_ANY + 4))
def test_a_degraded_agent_gets_work_in_the_end(others: list[tuple[str, int]], difficulties: list[Difficulty]) -> None:
    """Of so many tasks that it could have had one is its, and for each other one on probation at most one more."""
    candidates = [
        candidate(f"other-{n}", standing, concurrency=at_once) for n, (standing, at_once) in enumerate(others)
    ]

    assert "low" in work_through([*candidates, candidate("low", "degraded")], difficulties)


@with_(
    st.lists(AGENTS, min_size=1, max_size=4),
    st.lists(st.tuples(DIFFICULTIES, MEANT, MEANT, st.booleans()), max_size=30),
)
def test_nobody_is_above_its_concurrency(
    agents: list[tuple[str, int]], tasks: list[tuple[Difficulty, str | None, str | None, bool]]
) -> None:
    candidates = [candidate(f"a{n}", standing, concurrency=most) for n, (standing, most) in enumerate(agents)]
    for difficulty, prefer, earlier, by_name in tasks:
        wanted = Wanted("a0" if by_name else "any", difficulty=difficulty, prefer=prefer, earlier=earlier)
        choice = choose(candidates, wanted, NOW)
        candidates = given(candidates, wanted, choice, NOW)
        assert all(each.held <= each.agent.concurrency for each in candidates)
        free = [each for each in candidates if each.is_free]
        if isinstance(choice, Away) and not by_name:
            assert all(each.standing == "degraded" for each in free)
