"""A part of a run done once more: from the tasks that are named on, as if it had never been done."""

from services.scheduler.tests.integration.conftest import (
    Stage,
    agent,
    begin,
    chain,
    command_task,
    fail,
    people_task,
    person,
    succeed,
)

from orchestra.contracts.planning import DecomposedTask, Dependency


async def rerun(stage: Stage, run: str, *keys: str, status: int = 200) -> dict[str, object]:
    answer = await stage.api.post(f"/runs/{run}/rerun", json={"from": list(keys)})
    assert answer.status_code == status, answer.text
    return answer.json()


async def finished(stage: Stage, *tasks: DecomposedTask, after: tuple[tuple[str, str], ...]) -> str:
    await stage.team(agent(slots=5), person("ana"))
    run = await stage.start(await stage.plan(*tasks, after=after))
    await stage.play(succeed)
    assert (await stage.run(run))["status"] == "finished"
    return run


async def test_a_finished_run_goes_again_from_a_step_on_and_what_is_before_stays(stage: Stage) -> None:
    a, b, c, aside = (command_task(key) for key in ("a", "b", "c", "aside"))
    run = await finished(stage, a, b, c, aside, after=(*chain(a, b, c), *chain(a, aside)))
    before = await stage.tasks(run)

    again = await rerun(stage, run, "b")

    assert (again["status"], again["epoch"]) == ("running", 2)
    assert await stage.statuses(run) == {"a": "done", "b": "queued", "c": "blocked", "aside": "done"}
    tasks = await stage.tasks(run)
    for kept in ("a", "aside"):
        assert all(tasks[kept][name] == before[kept][name] for name in ("status", "outputs", "ended_at", "attempts"))
    assert (tasks["c"]["outputs"], tasks["c"]["ended_at"]) == ([], None)
    dispatched = (await stage.said("task.dispatched.v1"))[-1]
    assert (dispatched.key, dispatched.number, [each.path for each in dispatched.handed_on]) == ("b", 2, ["out/a"])
    await stage.play(succeed, {each.attempt_id for each in (await stage.said("task.dispatched.v1"))[:-1]})
    assert (await stage.run(run))["status"] == "finished"
    ends = [(e.status, e.epoch) for e in await stage.said("run.changed.v1") if e.status == "finished"]
    assert ends == [("finished", 1), ("finished", 2)]


async def test_a_failed_step_and_all_behind_it_go_again_and_what_was_skipped_stays_so(stage: Stage) -> None:
    await stage.team(agent(slots=5))
    a, b, c, d = (command_task(key, retries=0) for key in "abcd")
    run = await stage.start(await stage.plan(a, b, c, d, after=chain(a, b, c, d)))
    await stage.play(lambda each: fail(each, "permanent") if each.key == "b" else succeed(each))
    tasks = await stage.tasks(run)
    await stage.api.post(f"/tasks/{tasks['c']['id']}/skip")
    await rerun(stage, run, "a")
    assert await stage.statuses(run) == {"a": "queued", "b": "blocked", "c": "skipped", "d": "queued"}
    await stage.play(succeed, {each.attempt_id for each in (await stage.said("task.dispatched.v1"))[:-2]})
    assert await stage.statuses(run) == {"a": "done", "b": "done", "c": "skipped", "d": "done"}

    await rerun(stage, run, "c")
    assert await stage.statuses(run) == {"a": "done", "b": "done", "c": "queued", "d": "blocked"}


async def test_what_is_at_an_executor_is_not_touched_and_what_has_not_begun_is_taken_back(stage: Stage) -> None:
    await stage.team(agent(slots=5), person("ana"))
    a, b, review = command_task("a"), command_task("b"), people_task("review")
    run = await stage.start(await stage.plan(a, b, review, after=(*chain(a, b), *chain(a, review))))
    [first] = await stage.said("task.dispatched.v1")
    await stage.say(succeed(first))
    second = (await stage.said("task.dispatched.v1"))[-1]

    async def theirs() -> bool:
        return (await stage.statuses(run))["review"] == "assigned"

    await stage.eventually(theirs)
    await stage.say(begin(second))
    refused = await rerun(stage, run, "a", status=409)
    assert (refused["code"], "b" in str(refused["detail"])) == ("tasks-at-work", True)
    assert await stage.statuses(run) == {"a": "done", "b": "running", "review": "assigned"}

    await stage.say(succeed(second))
    await rerun(stage, run, "a")
    assert await stage.statuses(run) == {"a": "queued", "b": "blocked", "review": "blocked"}


async def test_a_lag_after_what_is_done_again_is_counted_anew(stage: Stage) -> None:
    await stage.team(agent(slots=5))
    a, b = command_task("a"), command_task("b")
    lag = Dependency(predecessor=a.id, successor=b.id, lag_minutes=60, clock="elapsed")
    run = await stage.start(await stage.plan(a, b, edges=[lag]))
    [first] = await stage.said("task.dispatched.v1")
    await stage.say(succeed(first))
    [counted] = (await stage.tasks(run))["b"]["dependencies"]
    assert counted["opens_at"] is not None

    await rerun(stage, run, "a")
    [anew] = (await stage.tasks(run))["b"]["dependencies"]
    assert anew["opens_at"] is None


async def test_what_is_unknown_cancelled_superseded_or_paused(stage: Stage) -> None:
    a, b = command_task("a"), command_task("b")
    run = await finished(stage, a, b, after=chain(a, b))
    assert (await rerun(stage, run, "nobody", status=404))["code"] == "unknown-task"
    assert (await stage.api.post(f"/runs/{run}/rerun", json={"from": []})).status_code == 422

    await rerun(stage, run, "b")
    await stage.api.post(f"/runs/{run}/pause")
    third = (await stage.said("task.dispatched.v1"))[-1]
    await stage.say(succeed(third))
    assert (await rerun(stage, run, "a"))["status"] == "paused"
    assert await stage.statuses(run) == {"a": "ready", "b": "blocked"}
    await stage.api.post(f"/runs/{run}/cancel")
    assert (await rerun(stage, run, "a", status=409))["code"] == "refused-transition"
