"""Checkpoints: raised with the failure, answered once, asked again, expired; and what the next try is given."""

import asyncio
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from orchestra.chassis.http.identity import Caller
from orchestra.chassis.testing.fakes import HeldClock
from orchestra.contracts.planning import Input
from orchestra.scheduler.adapters.checkpoint_table import CHECKPOINT
from orchestra.scheduler.application.reconcile import reconcile
from orchestra.scheduler.application.watch_checkpoints import watch_checkpoints

from .conftest import SIGNER, Stage, agent, begin, chain, command_task, fail, people_task, person, succeed

PLANNED, BETTER = sha256(b"planned").hexdigest(), sha256(b"better").hexdigest()


async def failed(stage: Stage, **command: Any) -> tuple[str, dict[str, Any]]:
    """A run of `build` and `test`, whose first command has failed for good; and the checkpoint."""
    await stage.team(agent())
    build, test = command_task("build", **command), command_task("test")
    run = await stage.start(await stage.plan(build, test, after=chain(build, test)))
    await stage.play(lambda d: fail(d, "permanent", "exit status 3"))
    return run, (await listed(stage, run_id=run))[0]


async def listed(stage: Stage, **wanted: Any) -> list[dict[str, Any]]:
    return (await stage.api.get("/checkpoints", params=wanted)).json()["data"]


async def shown(stage: Stage, checkpoint_id: str) -> dict[str, Any]:
    return (await stage.api.get(f"/checkpoints/{checkpoint_id}")).json()


async def answer(stage: Stage, checkpoint_id: str, choice: str, **more: Any) -> dict[str, Any]:
    said = await stage.api.post(f"/checkpoints/{checkpoint_id}/answer", json={"answer": choice, **more})
    assert said.status_code == 200, said.text
    return said.json()


async def refusal(stage: Stage, checkpoint_id: str, body: dict[str, Any], **headers: str) -> tuple[int, str]:
    said = await stage.api.post(f"/checkpoints/{checkpoint_id}/answer", json=body, headers=headers)
    return said.status_code, said.json()["code"]


async def dispatched(stage: Stage, key: str) -> list[Any]:
    return [d for d in await stage.said("task.dispatched.v1") if d.key == key]


def hold_clock(stage: Stage) -> HeldClock:
    clock = HeldClock()
    stage.running.database.clock = clock
    return clock


async def watch(stage: Stage) -> None:
    await watch_checkpoints(stage.running.database.read, stage.running.database.begin)


async def test_a_failure_for_good_raises_one_checkpoint_that_says_what_happened(stage: Stage) -> None:
    run, checkpoint = await failed(stage)

    assert (checkpoint["status"], checkpoint["kind"], checkpoint["attempt"]) == ("open", "exhausted", 1)
    assert checkpoint["choices"] == ["retry", "skip", "fail"]
    assert "build (build) has failed" in checkpoint["question"]
    assert "Attempt 1 failed for good. Exit status 3." in checkpoint["question"]
    task = (await stage.tasks(run))["build"]
    assert task["checkpoint_id"] == checkpoint["id"]
    shown_run = await stage.run(run)
    assert (shown_run["status"], shown_run["open_checkpoints"]) == ("failed", 1)
    [event] = await stage.said("checkpoint.raised.v1")
    assert (event.checkpoint_id, event.sequence, event.escalated, event.grant) == (checkpoint["id"], 1, False, "write")
    explained = (await stage.api.get(f"/tasks/{task['id']}/explain")).json()
    assert [w["id"] for w in explained["waits_for"] if w["kind"] == "checkpoint"] == [checkpoint["id"]]


async def test_used_up_tries_raise_one_after_the_last(stage: Stage) -> None:
    await stage.team(agent())
    run = await stage.start(await stage.plan(command_task("flaky", retries=1)))
    seen: set[str] = set()
    await stage.play(lambda d: fail(d, "transient"), seen)
    assert await listed(stage, run_id=run) == []

    async def used_up() -> bool:
        await stage.play(lambda d: fail(d, "transient"), seen)
        return (await stage.run(run))["status"] == "failed"

    await stage.eventually(used_up)
    [checkpoint] = await listed(stage, run_id=run)
    assert (checkpoint["kind"], checkpoint["attempt"]) == ("exhausted", 2)


async def test_a_lost_command_that_may_not_repeat_raises_one_and_names_it_where_it_waits(stage: Stage) -> None:
    await stage.team(agent())
    run = await stage.start(await stage.plan(command_task("pay", repeatable=False)))
    await stage.play(lambda d: fail(d, "lost", "its executor died"))

    [checkpoint] = await listed(stage, run_id=run)
    assert checkpoint["kind"] == "repeat"
    assert "may have had its effect" in checkpoint["question"]
    [waiting] = (await stage.run(run))["waiting_for"]
    assert (waiting["checkpoint_id"], waiting["question"]) == (checkpoint["id"], checkpoint["question"])


async def test_an_attempt_called_back_from_an_agent_that_left_raises_one_with_the_cause(stage: Stage) -> None:
    await stage.team(agent(), agent("other"))
    run = await stage.start(await stage.plan(command_task("pay", repeatable=False)))
    [attempt] = await stage.said("task.dispatched.v1")
    await stage.say(begin(attempt))
    holder = (await stage.tasks(run))["pay"]["assignee"]["key"]

    left = await stage.api.post(f"/projects/{stage.project_id}/members/{holder}/fire", json={"reason": "broken"})
    assert left.status_code == 200, left.text

    [checkpoint] = await listed(stage, status="open", run_id=run)
    assert f"Attempt 1 has no end that is known. {holder.title()} was fired: broken." in checkpoint["question"]


async def test_guidance_and_an_edited_input_are_what_the_next_tries_are_given(stage: Stage) -> None:
    inputs = (Input(path="in.txt", sha256=PLANNED), Input(path="rest.txt", sha256=PLANNED))
    run, checkpoint = await failed(stage, inputs=inputs)

    said = await answer(stage, checkpoint["id"], "retry", guidance=" Mind the gap. ", inputs={"in.txt": BETTER})

    assert (said["status"], said["answer"], said["answered_by"]) == ("answered", "retry", "ana")
    assert (said["guidance"], said["inputs"]) == ("Mind the gap.", {"in.txt": BETTER})
    _, again = await dispatched(stage, "build")
    assert again.guidance == ("Mind the gap.",)
    assert {i.path: i.sha256 for i in again.command.inputs} == {"in.txt": BETTER, "rest.txt": PLANNED}
    task = (await stage.tasks(run))["build"]
    assert (task["guidance"], task["edited_inputs"]) == (["Mind the gap."], {"in.txt": BETTER})
    [resolved] = await stage.said("checkpoint.resolved.v1")
    assert (resolved.sequence, resolved.answer, resolved.by, resolved.guidance) == (2, "retry", "ana", "Mind the gap.")

    await stage.say(fail(again, "permanent", "exit status 4"))
    [second] = await listed(stage, status="open", run_id=run)
    await answer(stage, second["id"], "retry", guidance="And the door.")
    *_, third = await dispatched(stage, "build")
    assert third.guidance == ("Mind the gap.", "And the door.")
    assert {i.path: i.sha256 for i in third.command.inputs} == {"in.txt": BETTER, "rest.txt": PLANNED}
    await stage.say(succeed(third))
    await stage.play(succeed, {d.attempt_id for d in await dispatched(stage, "build")})
    assert (await stage.run(run))["status"] == "finished"
    assert [d.guidance for d in await dispatched(stage, "test")] == [()]


async def test_what_a_predecessor_handed_on_can_be_edited_too(stage: Stage) -> None:
    await stage.team(agent())
    build, test = command_task("build"), command_task("test", needs=("out/build",))
    await stage.start(await stage.plan(build, test, after=chain(build, test)))
    await stage.play(lambda d: succeed(d) if d.key == "build" else fail(d, "permanent"))
    [checkpoint] = await listed(stage, status="open")

    await answer(stage, checkpoint["id"], "retry", inputs={"out/build": BETTER})

    *_, again = await dispatched(stage, "test")
    assert {i.path: i.sha256 for i in again.handed_on} == {"out/build": BETTER}


async def test_a_newer_plan_that_has_other_content_goes_before_an_edit(stage: Stage) -> None:
    await stage.team(agent())
    build = command_task("build", inputs=(Input(path="in.txt", sha256=PLANNED),))
    first = await stage.plan(build)
    await stage.start(first)
    await stage.play(lambda d: fail(d, "permanent"))
    [checkpoint] = await listed(stage, status="open")
    await answer(stage, checkpoint["id"], "retry", inputs={"in.txt": BETTER})
    *_, again = await dispatched(stage, "build")
    await stage.say(begin(again))
    assert build.command is not None
    newest = sha256(b"newest").hexdigest()
    command = build.command.model_copy(update={"inputs": (Input(path="in.txt", sha256=newest),)})
    await stage.plan(build.model_copy(update={"command": command}), version=2)
    await stage.say(fail(again, "permanent"))
    [second] = await listed(stage, status="open")
    assert await refusal(stage, second["id"], {"answer": "retry", "inputs": {"no.txt": BETTER}}) == (
        422,
        "unknown-input",
    )

    await answer(stage, second["id"], "retry")

    *_, last = await dispatched(stage, "build")
    assert [i.sha256 for i in last.command.inputs] == [newest]


async def test_skip_goes_on_without_it_and_fail_leaves_it_failed(stage: Stage) -> None:
    run, checkpoint = await failed(stage)
    await answer(stage, checkpoint["id"], "fail", guidance="not today")
    assert (await stage.run(run))["status"] == "failed"
    assert await listed(stage, status="open") == []
    build = (await stage.tasks(run))["build"]
    assert (build["checkpoint_id"], build["guidance"]) == (None, ["not today"])

    assert (await stage.api.post(f"/tasks/{build['id']}/retry")).status_code == 200
    *_, again = await dispatched(stage, "build")
    assert again.guidance == ("not today",)
    await stage.say(fail(again, "permanent"))
    [second] = await listed(stage, status="open")
    await answer(stage, second["id"], "skip")
    assert (await stage.statuses(run))["build"] == "skipped"
    assert len(await dispatched(stage, "test")) == 1


async def test_fail_ends_a_task_that_waits_and_raises_no_second_one(stage: Stage) -> None:
    await stage.team(agent())
    run = await stage.start(await stage.plan(command_task("pay", repeatable=False)))
    await stage.play(lambda d: fail(d, "lost"))
    [checkpoint] = await listed(stage)

    await answer(stage, checkpoint["id"], "fail")

    assert (await stage.run(run))["status"] == "failed"
    assert (await stage.statuses(run)) == {"pay": "failed"}
    assert [(c["id"], c["status"]) for c in await listed(stage)] == [(checkpoint["id"], "answered")]


@pytest.mark.parametrize(
    ("verb", "body", "became"),
    [
        ("retry", None, ("answered", "retry", "ana")),
        ("skip", None, ("answered", "skip", "ana")),
        ("cancel", None, ("withdrawn", None, None)),
        ("decide", {"decision": "retry"}, ("answered", "retry", "ana")),
        ("decide", {"decision": "fail"}, ("answered", "fail", "ana")),
    ],
)
async def test_another_verb_about_the_task_closes_it_in_the_same_transaction(
    stage: Stage, verb: str, body: Any, became: Any
) -> None:
    await stage.team(agent())
    await stage.start(await stage.plan(command_task("pay", repeatable=False)))
    await stage.play(lambda d: fail(d, "lost"))
    [checkpoint] = await listed(stage)

    said = await stage.api.post(f"/tasks/{checkpoint['task_id']}/{verb}", json=body)
    assert said.status_code == 200, said.text

    now = await shown(stage, checkpoint["id"])
    assert (now["status"], now["answer"], now["answered_by"]) == became
    [resolved] = await stage.said("checkpoint.resolved.v1")
    assert (resolved.status, resolved.answer) == became[:2]
    assert await listed(stage, status="open") == []


async def test_a_retried_run_answers_all_of_its_own_and_a_cancelled_one_withdraws_them(stage: Stage) -> None:
    await stage.team(agent(slots=4))
    tasks = [command_task(key) for key in "abc"]
    run = await stage.start(await stage.plan(*tasks, people_task("later")))
    await stage.play(lambda d: fail(d, "permanent"))
    assert len(await listed(stage, status="open", run_id=run)) == 3

    assert (await stage.api.post(f"/runs/{run}/retry")).status_code == 200
    assert {c["answer"] for c in await listed(stage, run_id=run)} == {"retry"}

    seen = {d.attempt_id for d in (await stage.said("task.dispatched.v1"))[:3]}
    await stage.play(lambda d: fail(d, "permanent"), seen)
    assert len(await listed(stage, status="open", run_id=run)) == 3
    assert (await stage.api.post(f"/runs/{run}/cancel")).status_code == 200
    assert await listed(stage, status="open") == []
    assert len(await listed(stage, status="withdrawn", run_id=run)) == 3
    assert (await stage.run(run))["open_checkpoints"] == 0


async def test_a_plan_that_has_the_task_no_longer_withdraws_it_and_one_that_has_it_again_asks_anew(
    stage: Stage,
) -> None:
    await stage.team(agent())
    a, b = command_task("a"), command_task("b")
    await stage.start(await stage.plan(a, b))
    await stage.play(lambda d: fail(d, "permanent") if d.key == "a" else None)
    [first] = await listed(stage, status="open")

    await stage.plan(b, version=2)
    assert (await shown(stage, first["id"]))["status"] == "withdrawn"

    await stage.plan(a, b, version=3)
    [again] = await listed(stage, status="open")
    assert (again["task_id"], again["kind"]) == (a.id, "exhausted")


async def test_failures_of_a_cancelled_run_are_asked_about_in_the_run_that_takes_them_over(stage: Stage) -> None:
    await stage.team(agent(), person("ana"))
    a, b = command_task("a"), people_task("b")
    first = await stage.start(await stage.plan(a, b))
    await stage.play(lambda d: fail(d, "permanent"))
    await stage.api.post(f"/runs/{first}/cancel")
    assert await listed(stage, status="open") == []

    second = await stage.start(await stage.plan(a, b, version=2))

    [checkpoint] = await listed(stage, status="open")
    assert (checkpoint["run_id"], checkpoint["task_id"]) == (second, a.id)


async def test_it_is_asked_again_and_then_expires_and_approves_nothing(stage: Stage) -> None:
    clock = hold_clock(stage)
    await stage.team(agent())
    pay, build = command_task("pay", repeatable=False), command_task("build")
    after = command_task("after")
    run = await stage.start(await stage.plan(pay, build, after, after=chain(build, after)))
    await stage.play(lambda d: fail(d, "lost" if d.key == "pay" else "permanent"))
    ids = {c["id"] for c in await listed(stage, status="open")}
    assert len(ids) == 2

    clock.advance(timedelta(hours=23, minutes=59))
    await watch(stage)
    assert len(await stage.said("checkpoint.raised.v1")) == 2
    clock.advance(timedelta(minutes=1))
    await watch(stage)
    await watch(stage)
    again = (await stage.said("checkpoint.raised.v1"))[2:]
    assert {(e.checkpoint_id, e.sequence, e.escalated) for e in again} == {(each, 2, True) for each in ids}
    assert all(c["escalated_at"] and c["status"] == "open" for c in await listed(stage))

    clock.advance(timedelta(days=6))
    await watch(stage)
    await watch(stage)
    assert {(c["id"], c["status"], c["answer"]) for c in await listed(stage)} == {
        (each, "expired", None) for each in ids
    }
    assert {(e.sequence, e.status, e.by) for e in await stage.said("checkpoint.resolved.v1")} == {(3, "expired", None)}
    assert await stage.statuses(run) == {"pay": "failed", "build": "failed", "after": "blocked"}
    assert (await stage.run(run))["status"] == "failed"
    assert len(await stage.said("task.dispatched.v1")) == 2
    assert await refusal(stage, min(ids), {"answer": "retry"}) == (409, "checkpoint-closed")
    assert (await stage.api.post(f"/runs/{run}/retry")).status_code == 200


async def test_of_two_answers_at_once_one_wins(stage: Stage) -> None:
    for _ in range(5):
        _, checkpoint = await failed(stage)
        path = f"/checkpoints/{checkpoint['id']}/answer"
        said = await asyncio.gather(*(stage.api.post(path, json={"answer": c}) for c in ("retry", "skip", "fail")))

        assert sorted(each.status_code for each in said) == [200, 409, 409]
        assert {each.json()["code"] for each in said if each.status_code == 409} == {"checkpoint-closed"}
        [won] = [each.json() for each in said if each.status_code == 200]
        assert (await shown(stage, checkpoint["id"]))["answer"] == won["answer"]
        stage = Stage(stage.running, stage.api)


async def test_an_answer_is_given_once_for_its_key_and_only_of_what_was_seen(stage: Stage) -> None:
    _, checkpoint = await failed(stage)
    path = f"/checkpoints/{checkpoint['id']}"
    read = await stage.api.get(path)
    etag = read.headers["etag"]
    assert (await stage.api.get(path, headers={"if-none-match": etag})).status_code == 304
    assert await refusal(stage, checkpoint["id"], {"answer": "fail"}, **{"if-match": '"other"'}) == (
        412,
        "precondition-failed",
    )

    headers = {"if-match": etag, "idempotency-key": "once"}
    first, again = [await stage.api.post(f"{path}/answer", json={"answer": "retry"}, headers=headers) for _ in range(2)]

    assert (first.status_code, again.status_code, again.text) == (200, 200, first.text)
    assert again.headers["idempotent-replayed"] == "true"
    assert first.headers["etag"] == (await stage.api.get(path)).headers["etag"] != etag
    assert len(await dispatched(stage, "build")) == 2


async def test_what_is_wrong_with_an_answer_is_said(stage: Stage) -> None:
    _, checkpoint = await failed(stage, inputs=(Input(path="in.txt", sha256=PLANNED),))
    chk = checkpoint["id"]

    assert await refusal(stage, "chk_none", {"answer": "retry"}) == (404, "unknown-checkpoint")
    assert await refusal(stage, chk, {"answer": "again"}) == (422, "invalid-request")
    assert await refusal(stage, chk, {"answer": "retry", "guidance": "x" * 4001}) == (422, "invalid-request")
    assert await refusal(stage, chk, {"answer": "retry", "guidance": "a\0b"}) == (422, "invalid-request")
    assert await refusal(stage, chk, {"answer": "retry", "inputs": {"in.txt": "ABC"}}) == (422, "invalid-request")
    assert await refusal(stage, chk, {"answer": "skip", "inputs": {"in.txt": BETTER}}) == (422, "invalid-request")
    body = {"answer": "retry", "inputs": {"out.txt": BETTER}}
    assert await refusal(stage, chk, body) == (422, "unknown-input")
    assert (await shown(stage, chk))["status"] == "open"
    assert len(await dispatched(stage, "build")) == 1


async def test_another_workspace_sees_none_of_it(stage: Stage) -> None:
    _, checkpoint = await failed(stage)
    theirs = {"Authorization": f"Bearer {SIGNER.sign(Caller('eve', 'wsp_2', ('read', 'write')), 'scheduler')}"}

    assert (await stage.api.get("/checkpoints", headers=theirs)).json()["data"] == []
    assert (await stage.api.get(f"/checkpoints/{checkpoint['id']}", headers=theirs)).status_code == 404
    assert await refusal(stage, checkpoint["id"], {"answer": "fail"}, **theirs) == (404, "unknown-checkpoint")


async def test_a_list_is_paged_and_narrowed(stage: Stage) -> None:
    await stage.team(agent(slots=4))
    run = await stage.start(await stage.plan(*(command_task(key) for key in "abc")))
    await stage.play(lambda d: fail(d, "permanent"))
    first = (await stage.api.get("/checkpoints", params={"limit": 2})).json()
    rest = (await stage.api.get("/checkpoints", params={"limit": 2, "cursor": first["next_cursor"]})).json()

    ids = [c["id"] for c in (*first["data"], *rest["data"])]
    assert ids == sorted(ids, reverse=True)
    assert (len(ids), rest["next_cursor"]) == (3, None)
    await answer(stage, ids[0], "fail")
    assert [c["id"] for c in await listed(stage, status="open", project_id=stage.project_id)] == ids[1:]
    assert [c["id"] for c in await listed(stage, status="answered", run_id=run)] == ids[:1]
    assert await listed(stage, project_id="prj_other") == []


async def test_the_reconciler_asks_for_what_nobody_was_asked_for(stage: Stage) -> None:
    _, checkpoint = await failed(stage)
    async with stage.running.database.begin() as work:  # as if it had failed before there were checkpoints
        await work.connection.execute(CHECKPOINT.delete())

    async def asked() -> Any:
        await reconcile(stage.running.database.read, stage.running.database.begin)
        return await listed(stage, status="open")

    [again] = await stage.eventually(asked)
    assert (again["task_id"], again["question"]) == (checkpoint["task_id"], checkpoint["question"])
    await asked()
    assert len(await listed(stage, status="open")) == 1
