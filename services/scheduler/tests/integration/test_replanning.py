"""A newer plan takes the place of an older one while its run goes on: nothing started is lost or done twice."""

from typing import Any

from orchestra.contracts.planning import DecomposedTask
from orchestra.contracts.scheduling import TaskDispatched

from .conftest import HASH, Stage, agent, begin, chain, command_task, fail, people_task, person, succeed


def changed(task: DecomposedTask, **values: Any) -> DecomposedTask:
    return task.model_copy(update=values)


def renamed(task: DecomposedTask) -> DecomposedTask:
    """The same task with another command."""
    assert task.command is not None
    return changed(task, title=f"{task.title}!", command=task.command.model_copy(update={"argv": ("true", "again")}))


async def dispatches(stage: Stage) -> dict[str, list[TaskDispatched]]:
    found: dict[str, list[TaskDispatched]] = {}
    for each in await stage.said("task.dispatched.v1"):
        found.setdefault(each.title.rstrip("!"), []).append(each)
    return found


async def test_the_open_run_goes_on_with_the_newer_plan(stage: Stage) -> None:
    await stage.team(agent(slots=1))
    a, b, c, d = (command_task(key) for key in "abcd")
    run = await stage.start(await stage.plan(a, b, c, after=chain(a, b, c)))
    await stage.say(succeed((await dispatches(stage))["a"][0]))

    newer = await stage.plan(a, c, d, after=(*chain(a, d), *chain(d, c)), version=2)
    await stage.play(succeed, {d.attempt_id for d in (await dispatches(stage))["a"]})

    shown = await stage.run(run)
    assert (shown["status"], shown["plan_id"]) == ("finished", newer)
    assert await stage.statuses(run) == {"a": "done", "b": "cancelled", "c": "done", "d": "done"}
    assert [e.key for e in await stage.said("task.completed.v1")] == ["a", "d", "c"]
    applied = (await stage.said("plan.applied.v1"))[-1]
    assert (applied.added, applied.changed, applied.cancelled, applied.kept) == (1, 1, 1, 0)
    assert {key: len(found) for key, found in (await dispatches(stage)).items()} == {"a": 1, "b": 1, "c": 1, "d": 1}


async def test_what_was_queued_and_changed_is_withdrawn_and_goes_by_the_newer_plan(stage: Stage) -> None:
    await stage.team(agent())
    a = command_task("a")
    run = await stage.start(await stage.plan(a))
    await stage.plan(renamed(a), version=2)

    first, second = (await dispatches(stage))["a"]
    [withdrawn] = await stage.said("dispatch.withdrawn.v1")
    assert withdrawn.attempt_id == first.attempt_id
    assert second.command.argv == ("true", "again")
    await stage.say(succeed(first))  # it had been at work all the same
    assert (await stage.tasks(run))["a"]["status"] == "queued"
    await stage.say(succeed(second))
    assert (await stage.run(run))["status"] == "finished"
    assert len(await stage.said("task.completed.v1")) == 1


async def test_what_was_queued_and_is_the_same_is_left_alone(stage: Stage) -> None:
    await stage.team(agent())
    a, b = command_task("a"), command_task("b")
    run = await stage.start(await stage.plan(a))
    await stage.plan(b, a, version=2)
    await stage.play(succeed)

    assert await stage.said("dispatch.withdrawn.v1") == []
    assert {key: len(found) for key, found in (await dispatches(stage)).items()} == {"a": 1, "b": 1}
    assert (await stage.run(run))["status"] == "finished"
    assert {key: task["order"] for key, task in (await stage.tasks(run)).items()} == {"b": 0, "a": 1}


async def test_a_started_task_keeps_its_definition_and_a_further_try_takes_the_newer_one(stage: Stage) -> None:
    await stage.team(agent())
    a = command_task("a", retries=3)
    run = await stage.start(await stage.plan(a))
    [first] = (await dispatches(stage))["a"]
    await stage.say(begin(first))
    await stage.plan(renamed(a), version=2)
    started = (await stage.tasks(run))["a"]
    await stage.say(fail(first, "lost"))
    [_, second] = await stage.eventually(lambda: tries(stage, "a", 2))

    assert (started["status"], started["title"], started["newer"]["title"]) == ("running", "a", "a!")
    assert second.command.argv == ("true", "again")
    assert (second.number, second.token) == (first.number + 1, first.token + 1)
    await stage.say(succeed(second))
    assert (await stage.tasks(run))["a"]["newer"] is None


async def test_a_queued_command_that_may_not_be_repeated_counts_as_started(stage: Stage) -> None:
    await stage.team(agent())
    a = command_task("a", repeatable=False)
    run = await stage.start(await stage.plan(a))
    await stage.plan(renamed(a), version=2)

    [only] = (await dispatches(stage))["a"]
    await stage.say(succeed(only))
    done = (await stage.tasks(run))["a"]
    assert (done["status"], done["title"], done["newer"]["title"]) == ("done", "a", "a!")
    assert (await stage.run(run))["status"] == "finished"


async def test_a_started_task_that_is_planned_no_longer_ends_and_its_result_is_kept(stage: Stage) -> None:
    await stage.team(agent())
    a, b = command_task("a"), command_task("b")
    run = await stage.start(await stage.plan(a, b))
    [first] = (await dispatches(stage))["a"]
    await stage.say(begin(first))
    await stage.plan(b, version=2)
    await stage.play(succeed)

    task = (await stage.tasks(run))["a"]
    assert (task["status"], task["retired"], len(task["outputs"])) == ("done", True, 1)
    assert (await stage.run(run))["status"] == "finished"


async def test_a_task_that_is_planned_no_longer_is_not_tried_again_and_does_not_fail_the_run(stage: Stage) -> None:
    await stage.team(agent(slots=4))
    lost, broken, b = command_task("lost", retries=5), command_task("broken"), command_task("b")
    run = await stage.start(await stage.plan(lost, broken, b))
    attempts = await dispatches(stage)
    await stage.say(begin(attempts["lost"][0]), begin(attempts["broken"][0]))
    await stage.plan(b, version=2)
    await stage.say(fail(attempts["lost"][0], "transient"), fail(attempts["broken"][0], "permanent"))
    await stage.say(succeed(attempts["b"][0]))

    async def ended() -> bool:
        return (await stage.run(run))["status"] == "finished"

    await stage.eventually(ended)
    assert await stage.statuses(run) == {"lost": "cancelled", "broken": "failed", "b": "done"}


async def test_a_failed_run_goes_on_when_the_newer_plan_leaves_something_to_do(stage: Stage) -> None:
    await stage.team(agent())
    a, b, c = command_task("a"), command_task("b"), command_task("c")
    run = await stage.start(await stage.plan(a, b, after=chain(a, b)))
    await stage.play(lambda d: fail(d, "permanent"))
    assert (await stage.run(run))["status"] == "failed"
    await stage.plan(c, b, after=chain(c, b), version=2)
    await stage.play(succeed, {d.attempt_id for d in await stage.said("task.dispatched.v1") if d.title == "a"})

    assert ((await stage.run(run))["status"], (await stage.run(run))["epoch"]) == ("finished", 2)
    assert await stage.statuses(run) == {"a": "failed", "b": "done", "c": "done"}


async def test_a_ready_task_falls_back_when_something_comes_before_it(stage: Stage) -> None:
    await stage.team(person("ana", "editor"), agent())
    a, b = people_task("a", "editor"), command_task("b")
    run = await stage.start(await stage.plan(a))
    await stage.eventually(lambda: in_status(stage, run, "a", "assigned"))
    await stage.plan(a, b, after=chain(b, a), version=2)

    assert await stage.statuses(run) == {"a": "blocked", "b": "queued"}
    await stage.play(succeed)
    await stage.eventually(lambda: in_status(stage, run, "a", "assigned"))


async def test_an_older_plan_that_comes_late_changes_nothing_and_its_run_goes_on_with_the_newer(stage: Stage) -> None:
    await stage.team(agent())
    a, b = command_task("a"), command_task("b")
    older = stage.parts("pln_older", (a,), (), version=1)
    run = await stage.start("pln_older")
    await stage.plan(a, b, version=3)
    before = await stage.statuses(run)
    await stage.say(*older)
    await stage.play(succeed)

    assert before == {}
    [refused] = await stage.said("plan.refused.v1")
    assert (refused.plan_id, refused.code) == ("pln_older", "plan-superseded")
    assert refused.standing == (await stage.said("plan.applied.v1"))[0].plan_id
    assert await stage.statuses(run) == {"a": "done", "b": "done"}
    assert (await stage.run(run))["status"] == "finished"


async def test_a_task_that_comes_back_is_done_after_all_and_what_was_done_is_not_done_again(stage: Stage) -> None:
    await stage.team(agent(slots=1))
    a, b, c = (command_task(key) for key in "abc")
    run = await stage.start(await stage.plan(a, b, c, after=chain(a, b, c)))
    await stage.say(succeed((await dispatches(stage))["a"][0]))
    await stage.plan(c, version=2)
    await stage.plan(a, b, c, after=chain(a, b, c), version=3)
    await stage.play(succeed, {d.attempt_id for d in (await dispatches(stage))["a"]})

    assert [e.key for e in await stage.said("task.completed.v1")] == ["a", "b", "c"]
    assert (await stage.run(run))["status"] == "finished"


async def test_after_a_cancelled_run_a_newer_plan_has_a_run_of_its_own(stage: Stage) -> None:
    await stage.team(agent(slots=1))
    a, b = command_task("a"), command_task("b")
    first = await stage.start(await stage.plan(a, b, after=chain(a, b)))
    await stage.say(succeed((await dispatches(stage))["a"][0]))
    await stage.api.post(f"/runs/{first}/cancel")
    newer = await stage.plan(a, b, after=chain(a, b), version=2)
    second = await stage.start(newer)
    await stage.play(succeed)

    assert (await stage.run(second))["status"] == "finished"
    assert await stage.statuses(second) == {"b": "done"}
    assert await stage.statuses(first) == {"a": "done"}


async def test_a_superseded_plan_and_a_second_open_run_are_refused(stage: Stage) -> None:
    await stage.team(person("ana"))
    a, b = people_task("a"), people_task("b")
    older = await stage.plan(a)
    newer = await stage.plan(a, b, version=2)
    bodies = [{"plan_id": plan, "hash": HASH} for plan in (older, newer, newer)]
    path = f"/projects/{stage.project_id}/runs"

    answers = [await stage.api.post(path, json=body) for body in bodies]

    assert [answer.status_code for answer in answers] == [409, 201, 409]
    assert (answers[0].json()["code"], answers[2].json()["code"]) == ("plan-superseded", "plan-already-runs")


async def tries(stage: Stage, key: str, count: int) -> list[TaskDispatched] | None:
    found = (await dispatches(stage))[key]
    return found if len(found) == count else None


async def in_status(stage: Stage, run: str, key: str, status: str) -> bool:
    return (await stage.statuses(run))[key] == status
