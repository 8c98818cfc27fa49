"""Attempts get their agents in the transaction that takes them up, on both databases."""

import pytest
from services.executor.tests.dispatches import dispatched, python
from services.executor.tests.integration.agents.bench import Bench, held_by, lease, take, work_for
from sqlalchemy import select

from orchestra.executor.adapters.tables import ATTEMPT
from orchestra.executor.domain.agents.choosing import Assigned, Away, Choice, Unknown


def name_of(choice: Choice) -> str:
    assert isinstance(choice, Assigned), choice
    return choice.agent.name


async def test_without_any_agent_the_house_does_it_and_is_not_stored(bench: Bench) -> None:
    assert [name_of(await bench.give(kind=kind)) for kind in ("code", "asset", "integration")] == ["house"] * 3

    assert await held_by(bench.database, bench.workspace) == {"house": 3}
    assert await bench.names() == ["house"]
    report = await bench.report("house")
    assert report
    assert (report.agent.stored, report.held) == (False, 3)
    assert isinstance(await bench.give("coder"), Unknown)


async def test_with_the_first_agent_the_house_is_gone(bench: Bench) -> None:
    await bench.set("coder", kinds=frozenset({"code"}), concurrency=9)

    assert await bench.names() == ["coder"]
    assert name_of(await bench.give()) == "coder"
    assert await bench.give(kind="asset") == Unknown("No agent does work of the kind asset.")
    assert isinstance(await bench.give("house"), Unknown)
    assert await bench.report("house") is None


async def test_the_house_can_be_changed_and_stays_then(bench: Bench) -> None:
    await bench.set("house", concurrency=1)
    await bench.set("coder", kinds=frozenset({"code"}))

    assert await bench.names() == ["coder", "house"]
    assert name_of(await bench.give(kind="asset")) == "house"
    assert isinstance(await bench.give(kind="asset"), Away)


async def test_the_agent_stands_in_the_row_and_a_command_has_none(bench: Bench) -> None:
    await bench.set("coder", concurrency=3)
    command, work = dispatched(python("1"), workspace_id=bench.workspace), work_for("coder", bench.workspace)
    choices = await bench.offer(command, work)

    assert [*choices] == [work.attempt_id]
    async with bench.database.read() as view:
        rows = await view.connection.execute(select(ATTEMPT.c.id, ATTEMPT.c.agent, ATTEMPT.c.kind))
        assert {tuple(row) for row in rows} == {
            (command.attempt_id, None, "command"),
            (work.attempt_id, "coder", "agent"),
        }


async def test_one_claim_gives_no_more_than_the_concurrency_and_an_end_frees_it(bench: Bench) -> None:
    await bench.set("coder", concurrency=2)
    choices = await bench.offer(*(work_for("coder", bench.workspace) for _ in range(3)))

    assert sorted(type(choice).__name__ for choice in choices.values()) == ["Assigned", "Assigned", "Away"]
    assert isinstance(await bench.give("coder"), Away)
    await bench.end_all()
    assert name_of(await bench.give("coder")) == "coder"


async def test_what_is_in_hand_spreads_over_those_that_are_equal(bench: Bench) -> None:
    await bench.set("ada", concurrency=2)
    await bench.set("bob", concurrency=2)

    assert [name_of(await bench.give()) for _ in range(4)] == ["ada", "bob", "ada", "bob"]
    refused = await bench.give()
    assert isinstance(refused, Away)
    assert "ada: it has the 2" in refused.reason


async def test_paused_retired_and_back(bench: Bench) -> None:
    await bench.set("coder")
    await bench.state("coder", "paused")
    assert await bench.give("coder") == Away("coder", "it is paused", 60)
    await bench.state("coder", "retired")
    assert await bench.give("coder") == Unknown("The agent coder is retired.")
    assert await bench.give() == Unknown("All agents of this workspace are retired.")
    await bench.set("coder")
    assert name_of(await bench.give()) == "coder"


async def test_turns_are_counted_in_the_database(bench: Bench) -> None:
    """Each task comes in a transaction of its own; every fifth that is simple is the degraded one's."""
    await bench.set("ada", concurrency=99)
    await bench.set("low", concurrency=99)
    await bench.learn("ada", *["done"] * 9)
    await bench.learn("low", *["failed"] * 9)

    got: list[str] = []
    for _ in range(10):
        got.append(name_of(await bench.give(difficulty="simple")))
        await bench.end_all()

    assert got == [*["ada"] * 4, "low", *["ada"] * 4, "low"]


async def test_an_agent_that_was_degraded_recovers_by_the_work_of_its_turns(bench: Bench) -> None:
    await bench.set("ada", concurrency=99)
    await bench.set("low", concurrency=99)
    await bench.learn("ada", *["done"] * 9)
    await bench.learn("low", *["failed"] * 30)

    tasks = 0
    while (report := await bench.report("low")) and report.results.degraded:
        assert (tasks := tasks + 1) < 100
        who = name_of(await bench.give(difficulty="simple"))
        await bench.learn(who, "done")
        await bench.end_all()

    assert tasks == 7 * 5  # 1 - 0.9 ** 7 is the first above a half
    assert report
    assert report.results.done == 7


async def test_a_task_of_another_workspace_has_its_own_agents(bench: Bench, url: str) -> None:
    other = Bench(url)
    await bench.set("coder")
    mine, theirs = work_for("any", bench.workspace), work_for("any", other.workspace)
    async with bench.database.begin() as work:
        await work.attempts.accept([(mine, None), (theirs, None)])
    async with bench.database.begin() as work:
        choices = await work.registry.assign(await work.attempts.claim(lease(work), slots=2, kind="agent"))

    assert (name_of(choices[mine.attempt_id]), name_of(choices[theirs.attempt_id])) == ("coder", "house")
    await other.database.close()


async def test_a_claim_that_is_undone_has_given_nothing(bench: Bench) -> None:
    await bench.set("coder")
    event = work_for("coder", bench.workspace)
    async with bench.database.begin() as work:
        await work.attempts.accept([(event, None)])

    async def undone() -> None:
        async with bench.database.begin() as work:
            choices = await work.registry.assign(await work.attempts.claim(lease(work), slots=1, kind="agent"))
            raise ValueError(name_of(choices[event.attempt_id]))

    with pytest.raises(ValueError, match="coder"):
        await undone()
    assert await held_by(bench.database, bench.workspace) == {}
    _, choices = await take(bench.database, bench.workspace)
    assert name_of(choices[event.attempt_id]) == "coder"
