"""What is told of agents: each status once, in the transaction of what changed it."""

import asyncio
from datetime import timedelta

import pytest
from services.executor.tests.integration.agents.bench import TOKEN, Bench
from sqlalchemy import select

from orchestra.executor.adapters.agents.tables import AGENT
from orchestra.executor.domain.agents.choosing import Assigned, Away
from orchestra.executor.domain.agents.errors import AgentRetired, NotOutside, UnknownAgent, WrongAgentToken

LONG = timedelta(seconds=90.5)


async def test_every_change_of_status_is_told_once(bench: Bench) -> None:
    await bench.set("coder")
    await bench.set("coder", concurrency=3)
    for state in ("paused", "paused", "active", "retired", "retired"):
        await bench.state("coder", state)
    await bench.set("coder")

    assert await bench.told() == [
        ("coder", None, "active"),
        ("coder", "active", "paused"),
        ("coder", "paused", "active"),
        ("coder", "active", "retired"),
        ("coder", "retired", "active"),
    ]


async def test_the_built_in_agent_is_paused_like_any_other(bench: Bench) -> None:
    await bench.state("house", "paused")

    assert await bench.told() == [("house", "active", "paused")]
    assert await bench.give() == Away("any", "house: it is paused", 60)


async def test_an_outside_agent_is_there_from_its_first_sign_of_life(bench: Bench) -> None:
    await bench.set("scout", outside=True)
    assert isinstance(await bench.give("scout"), Away)

    await bench.beat("scout")
    assert isinstance(await bench.give("scout"), Assigned)
    assert await bench.told() == [("scout", None, "away"), ("scout", "away", "active")]


async def test_an_outside_agent_goes_away_and_comes_back(bench: Bench) -> None:
    await bench.set("scout", outside=True)
    await bench.set("other", outside=True)
    for name in ("scout", "other"):
        await bench.beat(name)
    bench.clock.advance(LONG)
    await bench.beat("other")
    assert isinstance(await bench.give("scout"), Away)  # whether or not that was told yet

    assert not await bench.look_for_absences()
    assert not await bench.look_for_absences()
    await bench.beat("scout")
    await bench.beat("scout")

    told = [each for each in await bench.told() if each[0] == "scout"]
    assert told == [
        ("scout", None, "away"),
        ("scout", "away", "active"),
        ("scout", "active", "away"),
        ("scout", "away", "active"),
    ]
    assert len(await bench.told()) == 6
    assert isinstance(await bench.give("scout"), Assigned)


async def test_several_that_look_at_once_tell_of_an_absence_once(bench: Bench) -> None:
    for n in range(5):
        await bench.set(f"scout-{n}", outside=True)
        await bench.beat(f"scout-{n}")
    bench.clock.advance(LONG)

    await asyncio.gather(*(bench.look_for_absences() for _ in range(4)))

    gone = [agent for agent, before, after in await bench.told() if (before, after) == ("active", "away")]
    assert sorted(gone) == [f"scout-{n}" for n in range(5)]


async def test_a_paused_agent_is_not_told_to_be_away_until_it_is_resumed(bench: Bench) -> None:
    await bench.set("scout", outside=True)
    await bench.beat("scout")
    await bench.state("scout", "paused")
    bench.clock.advance(LONG)
    await bench.look_for_absences()
    await bench.state("scout", "active")

    assert [after for _, _, after in await bench.told()] == ["away", "active", "paused", "away"]


async def test_only_its_own_token_is_a_sign_of_life(bench: Bench) -> None:
    await bench.set("scout", outside=True)
    await bench.set("inside")

    for name, token, refusal in (
        ("scout", TOKEN + "x", WrongAgentToken),
        ("scout", "", WrongAgentToken),
        ("scout", "é", WrongAgentToken),
        ("inside", TOKEN, NotOutside),
        ("nobody", TOKEN, UnknownAgent),
    ):
        with pytest.raises(refusal):
            await bench.beat(name, token)
    await bench.state("scout", "retired")
    with pytest.raises(AgentRetired):
        await bench.beat("scout")

    assert [after for agent, _, after in await bench.told() if agent == "scout"] == ["away", "retired"]


async def test_a_token_is_kept_as_its_hash_and_goes_with_being_outside(bench: Bench) -> None:
    await bench.set("scout", outside=True)
    async with bench.database.read() as view:
        [row] = (await view.connection.execute(select(AGENT).where(AGENT.c.workspace_id == bench.workspace))).all()
    assert TOKEN not in str(tuple(row))
    assert len(row.token_hash) == 64

    agent = await bench.set("scout", outside=False)
    assert (agent.token_hash, agent.heartbeat_at) == (None, None)
    assert "token" not in repr(await bench.set("scout", outside=True))
