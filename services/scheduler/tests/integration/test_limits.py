"""Limits and mutexes: never exceeded, fair, explained, and given back by whatever end."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from services.scheduler.tests.integration.conftest import Stage, agent, command_task, fail, staged, succeed

from orchestra.chassis.testing.fakes import HeldClock
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.scheduler.application.admit_waiting import admit_waiting


async def limit(stage: Stage, scope: str, name: str, **body: Any) -> dict[str, Any]:
    answer = await stage.api.put(f"/limits/{scope}/{name}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def project(stage: Stage, *keys: str, slots: int = 10, **command: Any) -> tuple[Stage, str]:
    """Another project of the workspace with these commands, begun."""
    other = Stage(stage.running, stage.api)
    await other.team(agent(slots=slots))
    return other, await other.start(await other.plan(*(command_task(key, **command) for key in keys)))


async def out(stage: Stage) -> list[TaskDispatched]:
    return await stage.said("task.dispatched.v1")


async def explained(stage: Stage, run: str, key: str) -> dict[str, Any]:
    task = (await stage.tasks(run))[key]
    return (await stage.api.get(f"/tasks/{task['id']}/explain")).json()


async def test_the_limit_of_a_workspace_holds_over_its_projects_and_what_ends_makes_room(stage: Stage) -> None:
    await limit(stage, "workspace", "all", concurrency=3)
    one, run = await project(stage, *"abcd")
    two, other = await project(stage, *"efgh")
    assert Counter((await one.statuses(run)).values()) == {"queued": 3, "ready": 1}
    assert Counter((await two.statuses(other)).values()) == {"ready": 4}
    told = await explained(two, other, "e")
    assert told["waits_for"] == [{"kind": "limit", "id": "all", "text": "the workspace has 3 of 3 commands in flight"}]

    seen = set[str]()
    while len(seen) < 8:
        fresh = [each for each in await stage.eventually(lambda: out(stage)) if each.attempt_id not in seen]
        assert len(fresh) <= 3
        for dispatched in fresh:
            seen.add(dispatched.attempt_id)
            await stage.say(succeed(dispatched))

    for each, its in ((one, run), (two, other)):
        await each.eventually(lambda each=each, its=its: is_over(each, its))
    listed = (await stage.api.get("/limits")).json()["data"]
    assert [(each["scope"], each["concurrency"], each["in_flight"]) for each in listed] == [("workspace", 3, 0)]


async def is_over(stage: Stage, run: str) -> bool:
    return (await stage.run(run))["status"] == "finished"


async def test_projects_share_a_limit_evenly_whoever_came_first(stage: Stage) -> None:
    await limit(stage, "pool", "automation", concurrency=2)
    one, first = await project(stage, *(f"a{n}" for n in range(6)))
    two, second = await project(stage, *(f"b{n}" for n in range(6)))

    seen = set[str]()
    while len(seen) < 12:
        fresh = [each for each in await out(stage) if each.attempt_id not in seen]
        if fresh:
            seen.add(fresh[0].attempt_id)
            await stage.say(succeed(fresh[0]))
        await admit_waiting(stage.running.database.read, stage.running.database.begin)

    order = [each.project_id for each in await out(stage)]
    assert {one.project_id, two.project_id} == set(order)
    # From when both wait, neither gets ahead by more than the limit.
    ahead = [order[:n].count(one.project_id) - order[:n].count(two.project_id) for n in range(2, 13)]
    assert max(ahead) <= 2
    assert min(ahead) >= -2
    for each, its in ((one, first), (two, second)):
        assert await is_over(each, its)


async def test_what_no_limit_covers_waits_for_nobodys_turn(stage: Stage) -> None:
    await limit(stage, "pool", "automation", concurrency=1)
    await project(stage, "a", "b")
    other = Stage(stage.running, stage.api)
    await other.team({**agent(slots=5), "roles": ["press"]})
    run = await other.start(await other.plan(command_task("free", role="press")))

    assert await other.statuses(run) == {"free": "queued"}


async def test_a_limit_of_nothing_stops_everything_and_goes_away_again(stage: Stage) -> None:
    await limit(stage, "workspace", "all", concurrency=0)
    one, run = await project(stage, "a")
    assert await one.statuses(run) == {"a": "ready"}
    assert (await one.run(run))["status"] == "running"

    assert (await stage.api.delete("/limits/workspace/all")).status_code == 204
    assert (await stage.api.delete("/limits/workspace/all")).status_code == 404

    async def queued() -> bool:
        return await one.statuses(run) == {"a": "queued"}

    await stage.eventually(queued)


async def test_starts_in_a_time_are_counted_over_any_such_time(stage: Stage) -> None:
    clock = stage.running.database.clock = HeldClock()
    await limit(stage, "pool", "automation", rate={"starts": 2, "seconds": 60})
    one, run = await project(stage, *"abcde")
    assert Counter((await one.statuses(run)).values()) == {"queued": 2, "ready": 3}
    told = await explained(one, run, "c")
    assert told["waits_for"][0]["kind"] == "rate"
    for dispatched in await out(stage):
        await stage.say(succeed(dispatched))
    assert len(await out(stage)) == 2

    clock.advance(timedelta(seconds=59))
    await admit_waiting(stage.running.database.read, stage.running.database.begin)
    assert len(await out(stage)) == 2
    clock.advance(timedelta(seconds=1))
    await admit_waiting(stage.running.database.read, stage.running.database.begin)
    assert len(await out(stage)) == 4
    [shown] = (await stage.api.get("/limits")).json()["data"]
    assert (shown["started"], shown["next_at"] is not None) == (2, True)


async def test_one_command_of_the_workspace_has_a_mutex_and_each_holder_a_higher_token(stage: Stage) -> None:
    one, first = await project(stage, "a", "b", mutexes=("database",))
    two, second = await project(stage, "c", mutexes=("database", "cache"))
    [holder] = await out(stage)
    assert holder.mutexes == {"database": 1}
    told = await explained(two, second, "c")
    assert [(wait["kind"], wait["text"]) for wait in told["waits_for"]] == [("mutex", "a has the mutex database")]
    [shown] = [each for each in (await stage.api.get("/mutexes")).json()["data"] if each["name"] == "database"]
    assert (shown["task_key"], shown["token"], shown["attempt_id"]) == ("a", 1, holder.attempt_id)

    seen, tokens = set[str](), list[int]()
    while len(seen) < 3:
        open_ = [each for each in await stage.eventually(lambda: out(stage)) if each.attempt_id not in seen]
        assert len(open_) <= 1
        for dispatched in open_:
            seen.add(dispatched.attempt_id)
            tokens.append(dispatched.mutexes["database"])
            await stage.say(succeed(dispatched))
    assert tokens == [1, 2, 3]
    for each, its in ((one, first), (two, second)):
        await each.eventually(lambda each=each, its=its: is_over(each, its))


async def test_a_command_without_the_mutex_is_not_held_up_by_those_that_want_it(stage: Stage) -> None:
    await stage.team(agent(slots=2))
    wanting = [command_task(f"m{n}", priority=5, mutexes=("database",)) for n in range(20)]
    run = await stage.start(await stage.plan(*wanting, command_task("free")))

    assert Counter((await stage.statuses(run)).values()) == {"queued": 2, "ready": 19}
    assert (await stage.statuses(run))["free"] == "queued"


@pytest.mark.parametrize("failure", ["permanent", "lost", "transient"])
async def test_a_failed_or_lost_holder_gives_its_mutex_back(stage: Stage, failure: str) -> None:
    await stage.team(agent(slots=2))
    a, b = (command_task(key, retries=0, mutexes=("database",)) for key in "ab")
    await stage.start(await stage.plan(a, b))
    [holder] = await out(stage)
    await stage.say(fail(holder, failure))

    async def handed_on() -> bool:
        return len(await out(stage)) == 2

    await stage.eventually(handed_on)
    assert (await out(stage))[1].mutexes == {"database": 2}


async def test_while_a_cancelled_command_is_being_stopped_nobody_else_has_its_mutex(stage: Stage) -> None:
    clock = stage.running.database.clock = HeldClock()
    await stage.team(agent(slots=3))
    run = await stage.start(await stage.plan(*(command_task(key, mutexes=("database",)) for key in "abc")))
    [first] = await out(stage)
    await stage.api.post(f"/tasks/{first.task_id}/cancel")
    assert len(await out(stage)) == 1
    await stage.say(fail(first, "cancelled", "stopped"))

    async def sent(number: int) -> bool:
        return len(await out(stage)) == number

    await stage.eventually(lambda: sent(2))
    second = (await out(stage))[1]
    await stage.api.post(f"/tasks/{second.task_id}/cancel")
    await admit_waiting(stage.running.database.read, stage.running.database.begin)
    assert await sent(2)
    clock.advance(timedelta(seconds=31))  # its executor says nothing any more
    await admit_waiting(stage.running.database.read, stage.running.database.begin)
    assert await sent(3)
    assert (await stage.statuses(run))["c"] == "queued"


async def test_a_limit_that_says_nothing_or_means_nothing_is_refused(stage: Stage) -> None:
    for path, body, status in (
        ("workspace/all", {}, 422),
        ("workspace/all", {"concurrency": -1}, 422),
        ("workspace/other", {"concurrency": 1}, 422),
        ("project/prj_unknown", {"concurrency": 1}, 404),
        ("planet/all", {"concurrency": 1}, 422),
        ("pool/automation", {"rate": {"starts": 0, "seconds": 1}}, 422),
    ):
        assert (await stage.api.put(f"/limits/{path}", json=body)).status_code == status, path


async def test_no_limit_is_exceeded_by_projects_that_go_on_at_once(
    request: pytest.FixtureRequest,
) -> None:
    """Several schedulers on one PostgreSQL, and outcomes of many projects at once."""
    url = await request.getfixturevalue("postgres").create()
    async with staged(url) as stage, staged(url) as replica:
        await limit(stage, "workspace", "all", concurrency=4)
        runs = [await project(stage, *(f"t{n}" for n in range(6)), mutexes=("m",) if p % 2 else ()) for p in range(6)]
        seen = set[str]()
        while len(seen) < 36:
            fresh = [each for each in await out(stage) if each.attempt_id not in seen]
            assert len(fresh) <= 4
            assert sum("m" in each.mutexes for each in fresh) <= 1
            seen |= {each.attempt_id for each in fresh}
            await asyncio.gather(
                *((stage, replica)[n % 2].say(succeed(dispatched)) for n, dispatched in enumerate(fresh))
            )
            await asyncio.gather(
                *(admit_waiting(each.running.database.read, each.running.database.begin) for each in (stage, replica))
            )
        for each, run in runs:
            await each.eventually(lambda each=each, run=run: is_over(each, run))
        tokens = [each.mutexes["m"] for each in await out(stage) if each.mutexes]
        assert sorted(tokens) == list(range(1, 19))
