"""Runs from acceptance to their end, on both databases, with an executor that plays a script."""

from collections import Counter
from itertools import permutations
from typing import Any

import pytest

from .conftest import Stage, agent, begin, chain, command_task, fail, people_task, person, succeed


async def test_a_run_of_commands_goes_through_and_finishes_once(stage: Stage) -> None:
    await stage.team(agent())
    a, b, c, d = (command_task(key) for key in "abcd")
    plan = await stage.plan(a, b, c, d, after=(*chain(a, b, d), *chain(a, c, d)))
    run = await stage.start(plan)

    await stage.play(succeed)

    assert set((await stage.statuses(run)).values()) == {"done"}
    assert [e.status for e in await stage.said("run.changed.v1")] == ["running", "finished"]
    order = [e.key for e in await stage.said("task.completed.v1")]
    assert order[0] == "a"
    assert order[-1] == "d"
    last = next(e for e in await stage.said("task.dispatched.v1") if e.title == "d")
    assert sorted(i.path for i in last.handed_on) == ["out/b", "out/c"]


async def test_a_run_may_be_accepted_before_its_plan_has_come(stage: Stage) -> None:
    await stage.team(agent())
    task = command_task("only")
    parts = stage.parts("pln_later", (task,), ())
    run = await stage.start("pln_later")
    assert (await stage.run(run))["status"] == "accepted"
    await stage.say(*parts)
    await stage.play(succeed)
    assert (await stage.run(run))["status"] == "finished"


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_parts_of_a_graph_may_come_in_any_order(stage: Stage, order: tuple[int, ...]) -> None:
    await stage.team(agent())
    tasks = tuple(command_task(f"t{n}") for n in range(9))
    parts = stage.parts("pln_parts", tasks, chain(*tasks), parts=3)
    await stage.say(*(parts[n] for n in order))
    [applied] = await stage.said("plan.applied.v1")
    assert applied.tasks == 9


async def test_a_plan_with_a_cycle_is_refused_and_shows_it(stage: Stage) -> None:
    a, b = command_task("a"), command_task("b")
    await stage.plan(a, b, after=((a.id, b.id), (b.id, a.id)))
    [refused] = await stage.said("plan.refused.v1")
    assert refused.code == "cyclic-dependency"
    assert "→" in refused.detail
    assert not await stage.said("plan.applied.v1")


async def test_a_transient_failure_is_tried_again_after_a_pause(stage: Stage) -> None:
    await stage.team(agent())
    run = await stage.start(await stage.plan(command_task("flaky", retries=1)))
    seen: set[str] = set()
    await stage.play(lambda d: fail(d, "transient"), seen)

    async def second() -> bool:
        return len(await stage.said("task.dispatched.v1")) == 2

    await stage.eventually(second)
    first, again = await stage.said("task.dispatched.v1")
    assert (again.number, again.token) == (first.number + 1, first.token + 1)
    await stage.play(succeed, seen)
    assert (await stage.run(run))["status"] == "finished"


async def test_retries_end_and_the_run_fails_when_nothing_else_can_go_on(stage: Stage) -> None:
    await stage.team(agent())
    bad, behind, other = command_task("bad", retries=0), command_task("behind"), command_task("other")
    run = await stage.start(await stage.plan(bad, behind, other, after=chain(bad, behind)))
    await stage.play(lambda d: fail(d, "transient") if d.title == "bad" else succeed(d))
    assert await stage.statuses(run) == {"bad": "failed", "behind": "blocked", "other": "done"}
    assert (await stage.run(run))["status"] == "failed"
    assert [e.status for e in await stage.said("run.changed.v1")] == ["running", "failed"]


async def test_permanent_failures_are_not_tried_again(stage: Stage) -> None:
    await stage.team(agent())
    run = await stage.start(await stage.plan(command_task("bad", retries=5)))
    await stage.play(lambda d: fail(d, "permanent"))
    assert (await stage.run(run))["status"] == "failed"
    assert len(await stage.said("task.dispatched.v1")) == 1


async def test_a_late_holder_cannot_write(stage: Stage) -> None:
    await stage.team(agent())
    run = await stage.start(await stage.plan(command_task("only")))
    [first] = await stage.said("task.dispatched.v1")
    await stage.say(fail(first, "lost"))

    async def second() -> bool:
        return len(await stage.said("task.dispatched.v1")) == 2

    await stage.eventually(second)
    await stage.say(succeed(first))  # it was not dead after all
    assert (await stage.tasks(run))["only"]["status"] == "queued"
    await stage.say(succeed((await stage.said("task.dispatched.v1"))[1]))
    assert (await stage.run(run))["status"] == "finished"
    assert len(await stage.said("task.completed.v1")) == 1


async def test_an_outcome_that_comes_twice_counts_once(stage: Stage) -> None:
    await stage.team(agent())
    await stage.start(await stage.plan(command_task("only")))
    [dispatched] = await stage.said("task.dispatched.v1")
    outcome = succeed(dispatched)
    await stage.say(outcome, outcome, begin(dispatched))
    assert len(await stage.said("task.completed.v1")) == 1


async def test_a_start_that_comes_after_the_end_changes_nothing(stage: Stage) -> None:
    await stage.team(agent())
    run = await stage.start(await stage.plan(command_task("only")))
    [dispatched] = await stage.said("task.dispatched.v1")
    await stage.say(succeed(dispatched))
    await stage.say(begin(dispatched))
    assert (await stage.tasks(run))["only"]["status"] == "done"


async def test_a_lost_command_that_may_not_repeat_waits_for_a_person(stage: Stage) -> None:
    await stage.team(agent())
    run = await stage.start(await stage.plan(command_task("pay", repeatable=False)))
    seen: set[str] = set()
    await stage.play(lambda d: fail(d, "lost"), seen)
    shown = await stage.run(run)
    assert shown["status"] == "waiting"
    [waiting] = shown["waiting_for"]
    answer = await stage.api.post(f"/tasks/{waiting['task_id']}/decide", json={"decision": "retry"})
    assert answer.status_code == 200
    await stage.play(succeed, seen)
    assert (await stage.run(run))["status"] == "finished"


async def test_people_get_their_tasks_one_at_a_time_in_the_order_of_the_schedule(stage: Stage) -> None:
    await stage.team(person("ana", "editor"), person("boss", "editor", manager=True))
    first, second = people_task("first", "editor"), people_task("second", "editor")
    run = await stage.start(await stage.plan(first, second))

    async def assigned() -> bool:
        return (await stage.statuses(run))["first"] == "assigned"

    await stage.eventually(assigned)
    assert await stage.statuses(run) == {"first": "assigned", "second": "ready"}
    shown = await stage.run(run)
    assert shown["status"] == "waiting"
    assert shown["waiting_for"][0]["member"]["key"] == "ana"
    refused = await stage.api.post(f"/tasks/{first.id}/complete", json={"member": "boss"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not-the-assignee")
    early = await stage.api.post(f"/tasks/{second.id}/complete", json={})
    assert (early.status_code, early.json()["code"]) == (409, "refused-transition")
    assert (await stage.api.post(f"/tasks/{first.id}/complete", json={"member": "ana"})).status_code == 200
    again = await stage.api.post(f"/tasks/{first.id}/complete", json={"member": "ana"})
    assert again.status_code == 409

    async def next_one() -> bool:
        return (await stage.statuses(run))["second"] == "assigned"

    await stage.eventually(next_one)
    assert (await stage.api.post(f"/tasks/{second.id}/complete", json={})).status_code == 200
    assert (await stage.run(run))["status"] == "finished"


async def test_no_command_is_dispatched_beyond_the_slots_or_the_runs_own_limit(stage: Stage) -> None:
    await stage.team(agent(slots=3))
    plan = await stage.plan(*(command_task(f"t{n}") for n in range(20)))
    run = await stage.start(plan)
    assert Counter((await stage.statuses(run)).values()) == {"queued": 3, "ready": 17}
    other = Stage(stage.running, stage.api)
    await other.team(agent(slots=3))
    limited = await other.start(await other.plan(*(command_task(f"t{n}") for n in range(20))), concurrency=2)
    assert Counter((await other.statuses(limited)).values()) == {"queued": 2, "ready": 18}


async def test_cancelling_a_run_calls_back_what_is_at_an_executor(stage: Stage) -> None:
    await stage.team(agent())
    a, b = command_task("a"), command_task("b")
    run = await stage.start(await stage.plan(a, b, after=chain(a, b)))
    [dispatched] = await stage.said("task.dispatched.v1")
    assert (await stage.api.post(f"/runs/{run}/cancel")).json()["status"] == "cancelled"
    assert not await stage.said("dispatch.withdrawn.v1")  # the run's own event says it of all of them
    await stage.say(succeed(dispatched))
    assert set((await stage.statuses(run)).values()) == {"cancelled"}
    assert [e.status for e in await stage.said("run.changed.v1")] == ["running", "cancelled"]


async def test_a_dry_run_goes_through_people_and_commands_and_says_so(stage: Stage) -> None:
    await stage.team(agent(), person("ana"))
    a, review, b = command_task("a"), people_task("review"), command_task("b")
    run = await stage.start(await stage.plan(a, review, b, after=chain(a, review, b)), dry_run=True)
    await stage.play(succeed)
    shown = await stage.run(run)
    assert (shown["status"], shown["dry_run"]) == ("finished", True)
    assert all(task["evidence"]["dry_run"] for task in (await stage.tasks(run)).values())
    assert not await stage.said("task.completed.v1")


async def test_a_command_that_no_agent_can_take_is_explained_and_does_not_hang_the_run(stage: Stage) -> None:
    await stage.team(person("ana"))
    task = command_task("orphan")
    run = await stage.start(await stage.plan(task))
    assert (await stage.run(run))["status"] == "waiting"
    told = (await stage.api.get(f"/tasks/{task.id}/explain")).json()
    assert told["waits_for"][0]["kind"] == "member"
    await stage.team(agent())

    async def dispatched() -> bool:
        return bool(await stage.said("task.dispatched.v1"))

    await stage.eventually(dispatched)
    await stage.play(succeed)
    assert (await stage.run(run))["status"] == "finished"


async def test_changes_are_told_together_and_in_order(stage: Stage) -> None:
    await stage.team(agent(slots=50))
    await stage.start(await stage.plan(*(command_task(f"t{n}") for n in range(50))))
    await stage.play(succeed)

    async def all_told() -> bool:
        told = await stage.said("tasks.changed.v1")
        return sum(len(e.changes) for e in told) == 100

    await stage.eventually(all_told)
    told = await stage.said("tasks.changed.v1")
    assert [e.sequence for e in told] == list(range(1, len(told) + 1))
    by_task: dict[str, list[str]] = {}
    for event in told:
        for change in event.changes:
            by_task.setdefault(change.key, []).append(change.after)
    assert set(map(tuple, by_task.values())) == {("queued", "done")}


async def test_whoever_becomes_a_manager_gives_their_tasks_back_and_gets_none(stage: Stage) -> None:
    """BR-PROJ-002, by the route of a team that changes under a published schedule."""
    await stage.team(person("ana", "editor"))
    first, second = people_task("first", "editor"), people_task("second", "editor")
    run = await stage.start(await stage.plan(first, second, after=chain(first, second)))

    async def assigned_to(key: str) -> bool:
        task = (await stage.tasks(run))["first"]
        return task["status"] == "assigned" and task["assignee"]["key"] == key

    await stage.eventually(lambda: assigned_to("ana"))
    await stage.team(person("ana", "editor", manager=True), person("bea", "editor"))
    assert (await stage.tasks(run))["first"]["status"] == "ready"
    await stage.eventually(lambda: assigned_to("bea"))


async def test_a_team_that_would_never_be_at_work_is_refused_and_changes_nothing(stage: Stage) -> None:
    await stage.team(person("ana"))
    holidays = [f"{month:02d}-{day:02d}" for month in range(1, 13) for day in range(1, 32)]
    real = [day for day in holidays if day not in ("02-30", "02-31", "04-31", "06-31", "09-31", "11-31")]
    body = {"calendar": {"holidays": real}, "members": [person("ana")]}
    refused = await stage.api.put(f"/projects/{stage.project_id}/team", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "no-working-time")
    kept = (await stage.api.get(f"/projects/{stage.project_id}/team")).json()
    assert kept["calendar"]["holidays"] == []


async def test_a_run_of_somebody_elses_plan_neither_hinders_nor_takes_it(stage: Stage) -> None:
    other = Stage(stage.running, stage.api)
    await other.start("pln_shared")
    await stage.team(agent())
    await stage.say(*stage.parts("pln_shared", (command_task("only"),), ()))
    run = await stage.start("pln_shared")
    await stage.play(succeed)
    assert (await stage.run(run))["status"] == "finished"


@pytest.mark.parametrize("stage", ["postgres"], indirect=True)
async def test_a_plan_that_is_applied_while_a_schedule_is_read_leaves_no_edge_without_its_tasks(stage: Stage) -> None:
    await stage.team(agent())
    a, b = command_task("a"), command_task("b")
    async with stage.running.database.read() as view:
        project = await view.projects.find("wsp_1", stage.project_id)
        assert project is not None
        schedules = view.schedules
        execute, plans = schedules._execute, [(a, b)]

        async def between(*arguments: Any) -> Any:
            answer = await execute(*arguments)
            if plans:
                await stage.plan(*plans.pop(), after=chain(a, b))
            return answer

        schedules._execute = between
        read = await schedules.snapshot(project)

    ids = {task.id for task in read.tasks}
    assert {end for edge in read.dependencies for end in edge[:2]} <= ids
