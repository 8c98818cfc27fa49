"""Pause, resume, cancel, retry, skip: of runs and of single tasks, and what is refused."""

from typing import Any

import pytest

from orchestra.chassis.database.tables import RETRY
from orchestra.contracts.execution import AttemptReturned, Evidence
from orchestra.contracts.planning import DecomposedTask
from orchestra.contracts.scheduling import DispatchRecalled, TaskDispatched
from orchestra.scheduler.application.cancel_run import go_on_cancelling

from .conftest import Stage, agent, begin, chain, command_task, fail, people_task, person, succeed


def returned(recall: DispatchRecalled) -> AttemptReturned:
    which = recall.model_dump(include={"workspace_id", "project_id", "task_id", "attempt_id", "token"})
    return AttemptReturned(**which)


async def say(stage: Stage, what: str, verb: str) -> dict[str, Any]:
    kind = "runs" if what.startswith("run_") else "tasks"
    answer = await stage.api.post(f"/{kind}/{what}/{verb}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(stage: Stage, what: str, verb: str) -> tuple[int, str, str]:
    kind = "runs" if what.startswith("run_") else "tasks"
    answer = await stage.api.post(f"/{kind}/{what}/{verb}")
    return answer.status_code, answer.json()["code"], answer.json()["detail"]


async def ends(stage: Stage) -> list[tuple[str, int]]:
    """The changes of the run, with their epochs."""
    return [(event.status, event.epoch) for event in await stage.said("run.changed.v1")]


async def sentence(stage: Stage, task_id: str) -> str:
    return (await stage.api.get(f"/tasks/{task_id}/explain")).json()["sentence"]


async def test_a_paused_run_begins_nothing_calls_back_what_has_not_begun_and_goes_on_later(stage: Stage) -> None:
    await stage.team(agent(slots=2))
    a, b, c = (command_task(key, retries=0) for key in "abc")
    run = await stage.start(await stage.plan(a, b, c, after=chain(a, c)))
    first, second = await stage.said("task.dispatched.v1")
    await stage.say(begin(first))

    assert (await say(stage, run, "pause"))["status"] == "paused"
    assert (await say(stage, run, "pause"))["epoch"] == 1
    [recall] = await stage.said("dispatch.recalled.v1")
    assert (recall.attempt_id, recall.token) == (second.attempt_id, second.token)
    assert await stage.statuses(run) == {"a": "running", "b": "queued", "c": "blocked"}
    await stage.say(returned(recall), succeed(first))

    assert await stage.statuses(run) == {"a": "done", "b": "ready", "c": "ready"}
    assert len(await stage.said("task.dispatched.v1")) == 2
    assert "the run is paused" in await sentence(stage, b.id)
    assert (await say(stage, run, "resume"))["status"] == "running"
    await stage.play(succeed, {first.attempt_id, second.attempt_id})
    assert (await stage.run(run))["status"] == "finished"
    assert await ends(stage) == [("running", 1), ("paused", 1), ("running", 1), ("finished", 1)]


async def test_what_a_command_answers_is_what_there_is_after_it(stage: Stage) -> None:
    await stage.team(agent(slots=3))
    a, b, c = (command_task(key, retries=0) for key in "abc")
    run = await stage.start(await stage.plan(a, b, c))
    first, second, third = await stage.said("task.dispatched.v1")
    await stage.say(fail(first, "permanent"), fail(second, "permanent"), begin(third))

    again = await say(stage, first.task_id, "retry")
    assert again["status"] == "queued"
    assert again["assignee"] is not None

    whole = await say(stage, run, "retry")
    assert (whole["status"], whole["totals"]) == ("running", {"queued": 2, "running": 1})
    assert whole["schedule_is_current"] is False


async def test_what_was_called_back_is_done_when_it_had_begun_all_the_same(stage: Stage) -> None:
    await stage.team(agent())
    run = await stage.start(await stage.plan(command_task("pay", repeatable=False)))
    [dispatched] = await stage.said("task.dispatched.v1")
    await say(stage, run, "pause")
    await stage.say(succeed(dispatched))

    assert (await stage.run(run))["status"] == "paused"
    assert (await say(stage, run, "resume"))["status"] == "finished"
    assert len(await stage.said("task.dispatched.v1")) == 1


async def test_a_run_that_is_resumed_before_the_answer_dispatches_again_with_it(stage: Stage) -> None:
    await stage.team(agent())
    await stage.start(await stage.plan(command_task("only")))
    run = (await stage.said("run.changed.v1"))[0].run_id
    await say(stage, run, "pause")
    await say(stage, run, "resume")
    assert len(await stage.said("task.dispatched.v1")) == 1
    [recall] = await stage.said("dispatch.recalled.v1")
    await stage.say(returned(recall))

    first, again = await stage.said("task.dispatched.v1")
    assert again.token == first.token + 1
    await stage.say(succeed(first))  # a late word of the attempt that was given back
    assert (await stage.tasks(run))["only"]["status"] == "queued"
    await stage.say(succeed(again))
    assert (await stage.run(run))["status"] == "finished"


async def test_people_get_nothing_while_the_run_is_paused_and_may_end_what_they_have(stage: Stage) -> None:
    await stage.team(person("ana"))
    first, second = people_task("first"), people_task("second")
    run = await stage.start(await stage.plan(first, second, after=chain(first, second)))
    await stage.eventually(lambda: _is(stage, run, "first", "assigned"))
    await say(stage, run, "pause")
    assert (await stage.api.post(f"/tasks/{first.id}/complete", json={})).status_code == 200

    await stage.eventually(lambda: _current(stage, run))
    assert await stage.statuses(run) == {"first": "done", "second": "ready"}
    await say(stage, run, "resume")
    await stage.eventually(lambda: _is(stage, run, "second", "assigned"))


async def test_a_run_may_be_paused_before_its_plan_has_come(stage: Stage) -> None:
    await stage.team(agent())
    run = await stage.start("pln_paused")
    await say(stage, run, "pause")
    assert (await say(stage, run, "resume"))["status"] == "accepted"
    await say(stage, run, "pause")
    await stage.say(*stage.parts("pln_paused", (command_task("only"),), ()))
    assert not await stage.said("task.dispatched.v1")
    await say(stage, run, "resume")
    await stage.play(succeed)
    assert (await stage.run(run))["status"] == "finished"


async def test_a_paused_task_waits_alone(stage: Stage) -> None:
    await stage.team(agent())
    a, b, c = (command_task(key) for key in "abc")
    run = await stage.start(await stage.plan(a, b, c, after=chain(a, b)))
    assert (await say(stage, b.id, "pause"))["paused_by"] == "ana"
    await stage.play(succeed)

    assert await stage.statuses(run) == {"a": "done", "b": "ready", "c": "done"}
    shown = await stage.run(run)
    assert shown["status"] == "waiting"
    assert [(w["key"], w["reason"], w["paused"]) for w in shown["waiting_for"]] == [("b", "was paused by ana", True)]
    assert "ana has paused it" in await sentence(stage, b.id)
    assert (await say(stage, b.id, "resume"))["status"] == "queued"
    await stage.play(succeed, {d.attempt_id for d in (await stage.said("task.dispatched.v1"))[:-1]})
    assert (await stage.run(run))["status"] == "finished"


async def test_a_task_that_is_paused_on_its_way_is_called_back(stage: Stage) -> None:
    await stage.team(agent())
    task = command_task("only", retries=0)
    run = await stage.start(await stage.plan(task))
    await say(stage, task.id, "pause")
    [recall] = await stage.said("dispatch.recalled.v1")
    await stage.say(returned(recall))

    assert (await stage.tasks(run))["only"]["status"] == "ready"
    assert len(await stage.said("task.dispatched.v1")) == 1
    await say(stage, task.id, "resume")
    assert len(await stage.said("task.dispatched.v1")) == 2


async def test_a_cancelled_task_is_withdrawn_keeps_its_partial_log_and_holds_what_is_behind_it(stage: Stage) -> None:
    await stage.team(agent())
    a, b = command_task("a"), command_task("b")
    run = await stage.start(await stage.plan(a, b, after=chain(a, b)))
    [dispatched] = await stage.said("task.dispatched.v1")
    await stage.say(begin(dispatched))
    assert (await say(stage, a.id, "cancel"))["status"] == "cancelled"
    assert (await say(stage, a.id, "cancel"))["status"] == "cancelled"

    assert [e.attempt_id for e in await stage.said("dispatch.withdrawn.v1")] == [dispatched.attempt_id]
    assert await stage.statuses(run) == {"a": "cancelled", "b": "blocked"}
    assert await ends(stage) == [("running", 1), ("failed", 1)]
    assert "a, which is cancelled" in await sentence(stage, b.id)
    stopped = fail(dispatched, "cancelled", "ana has cancelled it")
    evidence = Evidence(sandbox_level="L3", duration_ms=5, tail="so far")
    await stage.say(stopped.model_copy(update={"evidence": evidence}))
    shown = (await stage.tasks(run))["a"]
    assert (shown["status"], shown["evidence"]["tail"]) == ("cancelled", "so far")

    await say(stage, a.id, "retry")
    again = (await stage.said("task.dispatched.v1"))[-1]
    assert (again.number, again.token) == (2, 2)
    await stage.play(succeed, {dispatched.attempt_id})
    assert (await stage.run(run))["status"] == "finished"
    assert await ends(stage) == [("running", 1), ("failed", 1), ("running", 2), ("finished", 2)]


async def test_a_task_that_was_cancelled_while_blocked_is_blocked_again_when_it_is_retried(stage: Stage) -> None:
    await stage.team(agent())
    a, b = command_task("a"), command_task("b")
    run = await stage.start(await stage.plan(a, b, after=chain(a, b)))
    await say(stage, b.id, "cancel")
    assert (await say(stage, b.id, "retry"))["status"] == "blocked"
    await stage.play(succeed)
    assert (await stage.run(run))["status"] == "finished"


@pytest.mark.parametrize("before", ["failed", "cancelled", "ready", "blocked"])
async def test_a_skipped_task_no_longer_holds_what_is_behind_it(stage: Stage, before: str) -> None:
    await stage.team(agent())
    a, b, c = command_task("a", retries=0), command_task("b", retries=0), command_task("c")
    run = await stage.start(await stage.plan(a, b, c, after=chain(a, b, c)))
    [first] = await stage.said("task.dispatched.v1")
    if before == "blocked":
        assert (await say(stage, b.id, "skip"))["status"] == "skipped"
        assert (await stage.statuses(run))["c"] == "queued"
    else:
        if before == "ready":
            await say(stage, b.id, "pause")
        await stage.say(succeed(first))
        if before == "failed":
            await stage.say(fail((await stage.said("task.dispatched.v1"))[-1], "permanent"))
        if before == "cancelled":
            await say(stage, b.id, "cancel")
        assert (await stage.statuses(run))["b"] == before
        assert (await say(stage, b.id, "skip"))["status"] == "skipped"
    await stage.play(succeed)
    assert await stage.statuses(run) == {"a": "done", "b": "skipped", "c": "done"}
    epoch = 2 if before in ("failed", "cancelled") else 1
    assert (await ends(stage))[-1] == ("finished", epoch)


async def test_a_retried_run_tries_everything_again_that_has_failed_and_nothing_else(stage: Stage) -> None:
    await stage.team(agent(slots=5))
    tasks = [command_task(key, retries=0) for key in ("good", "bad", "worse", "behind")]
    run = await stage.start(await stage.plan(*tasks, after=chain(tasks[1], tasks[3])))
    seen: set[str] = set()
    await stage.play(lambda d: succeed(d) if d.title == "good" else fail(d, "transient"), seen)
    assert (await stage.run(run))["status"] == "failed"

    shown = await say(stage, run, "retry")
    assert (shown["status"], shown["epoch"], shown["ended_at"]) == ("running", 2, None)
    await stage.play(lambda d: fail(d, "permanent") if d.title == "bad" else succeed(d), seen)
    await say(stage, run, "retry")
    await stage.play(succeed, seen)

    assert set((await stage.statuses(run)).values()) == {"done"}
    tried = [d.title for d in await stage.said("task.dispatched.v1")]
    assert tried.count("good") == 1
    assert (tried.count("bad"), tried.count("worse"), tried.count("behind")) == (3, 2, 1)
    terminal = [each for each in await ends(stage) if each[0] in ("failed", "finished", "cancelled")]
    assert terminal == [("failed", 1), ("failed", 2), ("finished", 3)]


async def test_what_the_state_does_not_allow_is_refused_in_words(stage: Stage) -> None:
    await stage.team(agent())
    task = command_task("only", retries=0)
    run = await stage.start(await stage.plan(task))
    assert await refused(stage, run, "retry") == (409, "nothing-to-retry", f"Nothing in this run has failed: {run}.")
    assert await refused(stage, task.id, "retry") == (
        409,
        "refused-transition",
        "only is queued and cannot become ready.",
    )
    assert (await refused(stage, task.id, "skip"))[1] == "refused-transition"
    [dispatched] = await stage.said("task.dispatched.v1")
    await stage.say(fail(dispatched, "permanent"))
    assert await refused(stage, run, "pause") == (
        409,
        "refused-transition",
        f"{run} is failed and cannot become paused.",
    )
    assert (await refused(stage, run, "resume"))[1] == "not-paused"
    await say(stage, run, "cancel")
    for verb in ("pause", "retry"):
        assert (await refused(stage, run, verb))[0] == 409
    for verb in ("pause", "resume", "cancel", "retry", "skip"):
        assert (await refused(stage, task.id, verb))[0] == 409, verb
    assert (await refused(stage, "run_none", "pause"))[:2] == (404, "unknown-run")
    assert (await refused(stage, "tsk_none", "skip"))[:2] == (404, "unknown-task")


async def test_an_outcome_of_an_unknown_attempt_is_kept_and_not_dropped(stage: Stage) -> None:
    await stage.team(agent())
    run = await stage.start(await stage.plan(command_task("only")))
    [dispatched] = await stage.said("task.dispatched.v1")
    early = succeed(dispatched).model_copy(update={"attempt_id": "att_early"})
    await stage.say(early)

    async with stage.running.database.read() as view:
        rows = (await view.connection.execute(RETRY.select())).all()
    assert [row.subscription for row in rows] == ["scheduler:attempt.succeeded.v1"]
    await stage.say(succeed(dispatched))
    assert (await stage.run(run))["status"] == "finished"


async def _is(stage: Stage, run: str, key: str, status: str) -> bool:
    return (await stage.statuses(run))[key] == status


async def _current(stage: Stage, run: str) -> bool:
    return (await stage.run(run))["schedule_is_current"]


@pytest.mark.parametrize("stage", ["postgres"], indirect=True)
async def test_a_run_of_more_tasks_than_a_statement_has_parameters_is_cancelled_as_a_whole(stage: Stage) -> None:
    await stage.team(agent(slots=1))
    gate = command_task("gate")
    many = [DecomposedTask(id=f"tsk_{stage.project_id}_{n}", key=f"t{n}", title="t", minutes=1) for n in range(33_000)]
    parts = stage.parts("pln_many", (gate, *many), tuple((gate.id, task.id) for task in many))
    await stage.say(*parts)
    run = await stage.start("pln_many")
    assert (await say(stage, run, "cancel"))["totals"] == {"cancelled": 33_001}
    await stage.eventually(lambda: _all_cancelled(stage, run, 33_001), seconds=300)


async def test_a_large_run_is_over_at_once_and_each_of_its_tasks_is_cancelled_and_told_of_once(stage: Stage) -> None:
    run, first, many = await _large(stage)

    assert (await say(stage, run, "cancel"))["totals"] == {"cancelled": 1 + len(many)}
    [*_, over] = await stage.said("run.changed.v1")
    assert (over.status, over.totals) == ("cancelled", {"cancelled": 1 + len(many)})
    await stage.say(succeed(first))  # too late, and nothing follows from it
    await stage.eventually(lambda: _all_cancelled(stage, run, 1 + len(many)))

    async def told() -> bool:
        changes = [each for event in await stage.said("tasks.changed.v1") for each in event.changes]
        cancelled = [each.key for each in changes if each.after == "cancelled"]
        assert len(set(cancelled)) == len(cancelled)
        return len(cancelled) == 1 + len(many)

    await stage.eventually(told)
    assert len(await stage.said("task.dispatched.v1")) == 1
    assert not await go_on_cancelling(stage.running.database.read, stage.running.database.begin)


async def test_a_newer_plan_takes_over_what_a_cancelled_run_has_left(stage: Stage) -> None:
    run, first, many = await _large(stage)
    gate = command_task("gate2")
    await say(stage, run, "cancel")

    [whole] = stage.parts("pln_newer", (gate, *many), (), version=2)
    await stage.say(whole)

    async with stage.running.database.read() as view:
        assert not await view.runs.with_leftover(1)
        assert {each.status for each in await view.tasks.of_plan("pln_newer")} == {"ready"}
    newer = await stage.start("pln_newer")
    assert first.attempt_id not in {each.attempt_id for each in (await stage.said("task.dispatched.v1"))[1:]}
    assert (await stage.run(newer))["totals"].get("cancelled", 0) == 0


async def _large(stage: Stage) -> tuple[str, TaskDispatched, list[DecomposedTask]]:
    """A run whose first task is dispatched, and the many behind it."""
    await stage.team(agent(slots=1))
    gate = command_task("gate")
    many = [DecomposedTask(id=f"tsk_{stage.project_id}_{n}", key=f"t{n}", title="t", minutes=1) for n in range(2_500)]
    plan_id = f"pln_{stage.project_id}"
    await stage.say(*stage.parts(plan_id, (gate, *many), tuple((gate.id, task.id) for task in many)))
    run = await stage.start(plan_id)
    [dispatched] = await stage.said("task.dispatched.v1")
    return run, dispatched, many


async def _all_cancelled(stage: Stage, run: str, count: int) -> bool:
    async with stage.running.database.read() as view:
        if await view.runs.with_leftover(1):
            return False
        assert len(await view.tasks.of_run(run, ("cancelled",))) == count
        return True
