"""A run that goes on from a step of another one, beside it: what is adopted, what is done anew, what is refused."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
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
from sqlalchemy import func, select

from orchestra.contracts.planning import DecomposedTask, Dependency
from orchestra.contracts.scheduling import RunForked
from orchestra.scheduler.adapters.tables import DISPATCH, MEMBER, PLAN, PROJECT, RUN, TASK
from orchestra.scheduler.application import fork_run
from orchestra.scheduler.service import service

ADOPTED = ("status", "outputs", "evidence", "started_at", "ended_at", "performed_at", "attempt_id", "progress")
"""What an adopted task has of the one that it comes from."""

MADE = (PROJECT, MEMBER, PLAN, RUN, TASK, DISPATCH)


async def fork(stage: Stage, run: str, *keys: str, status: int = 201, **more: Any) -> dict[str, Any]:
    answer = await stage.api.post(f"/runs/{run}/fork", json={"from": list(keys), **more})
    assert answer.status_code == status, answer.text
    return answer.json()


async def seen(stage: Stage) -> set[str]:
    return {each.attempt_id for each in await stage.said("task.dispatched.v1")}


async def rows_of(stage: Stage, run: str) -> list[dict[str, Any]]:
    async with stage.running.database.read() as view:
        rows = await view.connection.execute(select(TASK).where(TASK.c.run_id == run).order_by(TASK.c.position))
        # The schedule of the first project may be recalculated meanwhile, as it would be without a fork.
        return [{k: v for k, v in row.items() if not k.startswith(("planned_", "share"))} for row in rows.mappings()]


async def shown(stage: Stage, run: str) -> dict[str, Any]:
    """The run, but for the state of its schedule, as above."""
    return {name: value for name, value in (await stage.run(run)).items() if name != "schedule_is_current"}


async def finished(stage: Stage, *tasks: DecomposedTask, after: tuple[tuple[str, str], ...], **options: Any) -> str:
    await stage.team(agent(slots=5), person("ana"))
    run = await stage.start(await stage.plan(*tasks, after=after), **options)
    await stage.play(succeed)
    assert (await stage.run(run))["status"] == "finished"
    return run


async def test_a_fork_adopts_what_is_done_before_the_step_and_does_the_rest_in_a_run_of_its_own(stage: Stage) -> None:
    a, b, c, aside = (command_task(key) for key in ("a", "b", "c", "aside"))
    run = await finished(stage, a, b, c, aside, after=(*chain(a, b, c), *chain(a, aside)))
    first, before, already = await shown(stage, run), await rows_of(stage, run), await seen(stage)

    made = await fork(stage, run, "b", concurrency=3)

    assert (made["status"], made["forked_from"], made["concurrency"]) == ("running", run, 3)
    assert made["project_id"] != first["project_id"]
    assert made["plan_id"] != first["plan_id"]
    assert await stage.statuses(made["id"]) == {"a": "done", "b": "queued", "c": "blocked", "aside": "done"}
    originals, copies = await stage.tasks(run), await stage.tasks(made["id"])
    for key in ("a", "aside"):
        assert {name: copies[key][name] for name in ADOPTED} == {name: originals[key][name] for name in ADOPTED}
        assert (copies[key]["adopted_from"], copies[key]["attempts"]) == (originals[key]["id"], 0)
        assert copies[key]["assignee"]["key"] == "press"
        assert copies[key]["assignee"]["id"] != originals[key]["assignee"]["id"]
    [dispatched] = [each for each in await stage.said("task.dispatched.v1") if each.attempt_id not in already]
    assert (dispatched.key, dispatched.number, dispatched.run_id) == ("b", 1, made["id"])
    assert [(i.path, i.sha256) for i in dispatched.handed_on] == [
        (o["path"], o["sha256"]) for o in originals["a"]["outputs"]
    ]
    told = (await stage.api.get(f"/tasks/{copies['a']['id']}/explain")).json()
    assert told["sentence"] == f"a is done: it is adopted from {originals['a']['id']}."
    [entry] = (await stage.api.get(f"/tasks/{copies['a']['id']}/log")).json()["data"]
    assert (entry["kind"], entry["after"], entry["member"]["key"]) == ("adopted", "done", "press")
    assert entry["text"] == f"adopted from {originals['a']['id']} of {run}"

    await stage.play(succeed, already)
    assert (await stage.run(made["id"]))["status"] == "finished"
    assert (await rows_of(stage, run), await shown(stage, run)) == (before, first)


async def test_the_planner_is_told_of_a_fork_with_all_its_tasks_by_key(stage: Stage) -> None:
    a, b = command_task("a"), command_task("b")
    run = await finished(stage, a, b, after=chain(a, b))
    first = await stage.run(run)
    made = await fork(stage, run, "b", name="Once more")
    told: RunForked
    [told] = await stage.said("run.forked.v1")
    tasks = await stage.tasks(made["id"])
    assert (told.run_id, told.project_id, told.plan_id) == (made["id"], made["project_id"], made["plan_id"])
    assert (told.from_run, told.from_project, told.from_plan) == (run, first["project_id"], first["plan_id"])
    assert (told.name, told.by) == ("Once more", "ana")
    ended = datetime.fromisoformat(tasks["a"]["ended_at"])
    assert [(each.key, each.id, each.done_at) for each in told.tasks] == [
        ("a", tasks["a"]["id"], ended),
        ("b", tasks["b"]["id"], None),
    ]


async def test_what_is_kept_and_not_done_is_done_anew_and_what_was_skipped_there_stays_so(stage: Stage) -> None:
    await stage.team(agent(slots=9), person("ana"))
    tasks = [command_task(key, retries=0) for key in ("bad", "going", "passed", "step", "after")]
    bad, _, passed, step, after = tasks
    run = await stage.start(await stage.plan(*tasks, after=(*chain(passed, step, after), *chain(bad, after))))
    for each in await stage.said("task.dispatched.v1"):
        await stage.say(fail(each, "permanent") if each.key in ("bad", "passed") else begin(each))
    ids = {key: task["id"] for key, task in (await stage.tasks(run)).items()}
    await stage.api.post(f"/tasks/{ids['passed']}/skip")
    await stage.api.post(f"/tasks/{ids['after']}/skip")
    assert await stage.statuses(run) == {
        "bad": "failed",
        "going": "running",
        "passed": "skipped",
        "step": "queued",
        "after": "skipped",
    }

    made = await fork(stage, run, "step")

    assert await stage.statuses(made["id"]) == {
        "bad": "queued",
        "going": "queued",
        "passed": "skipped",
        "step": "queued",
        "after": "blocked",
    }
    assert [task["adopted_from"] for task in (await stage.tasks(made["id"])).values()] == [None] * 5
    assert (await stage.run(run))["status"] == "running"


async def test_team_calendar_roles_and_limits_are_the_first_projects_and_members_are_others(stage: Stage) -> None:
    await stage.api.put(
        f"/projects/{stage.project_id}/team",
        json={"members": [agent(), person("ana"), person("bo")], "calendar": {"zone": "Europe/Lisbon"}},
    )
    await stage.api.post(f"/projects/{stage.project_id}/roles", json={"name": "editor"})
    await stage.api.put(f"/limits/project/{stage.project_id}", json={"concurrency": 1})
    run = await stage.start(await stage.plan(people_task("talk"), command_task("a"), command_task("b")))

    async def given() -> Any:
        return (await stage.tasks(run))["talk"]["assignee"]

    who = (await stage.eventually(given))["key"]
    talk = (await stage.tasks(run))["talk"]["id"]
    assert (await stage.api.post(f"/tasks/{talk}/complete", json={})).status_code == 200
    fired = await stage.api.post(f"/projects/{stage.project_id}/members/{who}/fire", json={})
    assert fired.status_code == 200, fired.text

    made = await fork(stage, run, "a")

    for what in ("team", "roles", "calendar"):
        there = (await stage.api.get(f"/projects/{stage.project_id}/{what}")).json()
        here = (await stage.api.get(f"/projects/{made['project_id']}/{what}")).json()
        assert here == there
    limits = (await stage.api.get("/limits")).json()["data"]
    assert {each["name"] for each in limits} == {stage.project_id, made["project_id"]}
    copy = (await stage.tasks(made["id"]))["talk"]
    assert (copy["status"], copy["assignee"]["key"]) == ("done", who)  # they have left, and have done it
    async with stage.running.database.read() as view:
        where = MEMBER.c.id == copy["assignee"]["id"]
        member = (await view.connection.execute(select(MEMBER).where(where))).mappings().one()
    assert (member["project_id"], member["active"]) == (made["project_id"], False)

    # One command of the project at a time, here as there. The first run waits, too, so the fork waits for its turn.
    async def given_out() -> bool:
        return "queued" in (await stage.statuses(made["id"])).values()

    await stage.eventually(given_out)
    assert sorted((await stage.statuses(made["id"])).values()) == ["done", "queued", "ready"]


async def test_a_held_fork_begins_nothing_until_it_is_resumed(stage: Stage) -> None:
    a, b = command_task("a"), command_task("b")
    run = await finished(stage, a, b, after=chain(a, b))
    already = await seen(stage)
    made = await fork(stage, run, "b", hold=True)
    assert (made["status"], made["totals"]) == ("paused", {"done": 1, "ready": 1})
    assert await seen(stage) == already
    assert (await stage.api.post(f"/runs/{made['id']}/resume")).json()["status"] == "running"
    await stage.play(succeed, already)
    assert await stage.statuses(made["id"]) == {"a": "done", "b": "done"}


async def test_a_fork_may_begin_later(stage: Stage) -> None:
    a, b = command_task("a"), command_task("b")
    run = await finished(stage, a, b, after=chain(a, b))
    already = await seen(stage)
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    made = await fork(stage, run, "b", start_at=later)
    assert made["status"] == "accepted"
    assert await seen(stage) == already
    past = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    assert (await fork(stage, run, "b", deadline=past, status=422))["code"] == "deadline-passed"


async def test_lags_after_what_is_adopted_count_from_when_it_was_done(stage: Stage) -> None:
    await stage.team(agent(slots=5))
    a, b, c = (command_task(key) for key in "abc")
    lag = Dependency(predecessor=a.id, successor=b.id, lag_minutes=60, clock="elapsed")
    long_past = Dependency(predecessor=a.id, successor=c.id, kind="SS", lag_minutes=1, clock="elapsed")
    run = await stage.start(await stage.plan(a, b, c, edges=[lag, long_past]))
    [first] = await stage.said("task.dispatched.v1")
    ended = datetime.now(UTC) - timedelta(minutes=30)
    done = succeed(first).model_copy(update={"started_at": ended - timedelta(minutes=5), "ended_at": ended})
    await stage.say(done)

    made = await fork(stage, run, "b")

    tasks = await stage.tasks(made["id"])
    [edge] = tasks["b"]["dependencies"]
    assert datetime.fromisoformat(edge["opens_at"]) == ended + timedelta(minutes=60)
    assert edge["task_id"] == tasks["a"]["id"]
    assert {key: task["status"] for key, task in tasks.items()} == {"a": "done", "b": "blocked", "c": "queued"}


async def test_a_deadline_that_has_passed_holds_no_longer_where_a_task_is_done_anew(stage: Stage) -> None:
    await stage.team(agent(slots=5))
    soon = datetime.now(UTC) + timedelta(seconds=1)
    a, b = command_task("a"), command_task("b").model_copy(update={"deadline": soon})
    run = await stage.start(await stage.plan(a, b, after=chain(a, b)))
    await stage.say(succeed((await stage.said("task.dispatched.v1"))[0]))

    async def failed() -> bool:
        return (await stage.statuses(run))["b"] == "failed"

    await stage.eventually(failed)
    already = await seen(stage)
    made = await fork(stage, run, "b")
    await stage.play(succeed, already)
    assert await stage.statuses(made["id"]) == {"a": "done", "b": "done"}


async def test_a_real_fork_of_a_dry_run_does_everything_and_a_dry_fork_of_a_real_one_executes_nothing(
    stage: Stage,
) -> None:
    a, b = command_task("a"), command_task("b")
    rehearsal = await finished(stage, a, b, after=chain(a, b), dry_run=True)
    already = await seen(stage)
    real = await fork(stage, rehearsal, "b")
    assert await stage.statuses(real["id"]) == {"a": "queued", "b": "blocked"}
    await stage.play(succeed, already)
    assert await stage.statuses(real["id"]) == {"a": "done", "b": "done"}

    dry = await fork(stage, real["id"], "b", dry_run=True)
    assert await stage.statuses(dry["id"]) == {"a": "done", "b": "queued"}
    [last] = [each for each in await stage.said("task.dispatched.v1") if each.attempt_id not in already]
    assert (last.key, last.dry_run) == ("b", True)
    await stage.play(succeed, already)

    # What the dry fork adopted was really done; the rest was not.
    once_more = await fork(stage, dry["id"], "b")
    assert await stage.statuses(once_more["id"]) == {"a": "done", "b": "queued"}
    again = await fork(stage, rehearsal, "b", dry_run=True)
    assert await stage.statuses(again["id"]) == {"a": "done", "b": "queued"}
    told = (await stage.said("run.forked.v1"))[-1]
    assert [each.done_at for each in told.tasks] == [None, None]


async def test_a_fork_goes_by_the_newest_plan_and_a_newer_one_takes_over_its_run(stage: Stage) -> None:
    await stage.team(agent(slots=5))
    a, b = command_task("a", retries=0), command_task("b")
    run = await stage.start(await stage.plan(a, b, after=chain(a, b)))
    [first] = await stage.said("task.dispatched.v1")
    await stage.say(fail(first, "permanent"))
    titled = a.model_copy(update={"title": "a, better"})
    await stage.plan(titled, b, after=chain(a, b), version=2)

    made = await fork(stage, run, "b")

    tasks = await stage.tasks(made["id"])
    assert (tasks["a"]["title"], tasks["a"]["newer"], tasks["a"]["status"]) == ("a, better", None, "queued")
    assert (await stage.tasks(run))["a"]["title"] == "a"

    stage.project_id = made["project_id"]
    mine = [each.model_copy(update={"id": tasks[each.key]["id"]}) for each in (titled, b)]
    third = command_task("c")
    await stage.plan(*mine, third, after=chain(mine[0], mine[1], third), version=2)
    assert await stage.statuses(made["id"]) == {"a": "queued", "b": "blocked", "c": "blocked"}


async def test_an_adopted_task_is_done_here_when_somebody_has_it_done_again(stage: Stage) -> None:
    a, b = command_task("a"), command_task("b")
    run = await finished(stage, a, b, after=chain(a, b))
    already = await seen(stage)
    made = await fork(stage, run, "b")
    await stage.play(succeed, already)
    assert (await stage.api.post(f"/runs/{made['id']}/rerun", json={"from": ["a"]})).status_code == 200
    task = (await stage.tasks(made["id"]))["a"]
    assert (task["status"], task["adopted_from"], task["attempts"]) == ("queued", None, 1)


async def test_a_fork_of_a_fork_and_a_fork_of_what_is_cancelled_or_archived(stage: Stage) -> None:
    a, b, c = (command_task(key) for key in "abc")
    run = await finished(stage, a, b, c, after=chain(a, b, c))
    already = await seen(stage)
    second = await fork(stage, run, "b")
    await stage.play(succeed, already)
    third = await fork(stage, second["id"], "c")
    tasks, before = await stage.tasks(third["id"]), await stage.tasks(second["id"])
    assert [tasks[key]["adopted_from"] for key in "ab"] == [before[key]["id"] for key in "ab"]
    assert third["forked_from"] == second["id"]

    await stage.api.post(f"/runs/{third['id']}/cancel")
    assert (await fork(stage, third["id"], "c"))["status"] == "running"
    assert (await stage.api.post(f"/projects/{stage.project_id}/archive")).status_code == 200
    assert (await fork(stage, run, "c"))["status"] == "running"


async def test_a_run_without_anything_done_is_copied(stage: Stage) -> None:
    await stage.team(agent(slots=1))
    run = await stage.start(await stage.plan(command_task("a"), command_task("b")))
    made = await fork(stage, run, "a", "b")
    assert await stage.statuses(made["id"]) == {"a": "queued", "b": "ready"}


async def test_what_is_unknown_to_come_or_superseded_is_refused_and_nothing_is_left(stage: Stage) -> None:
    a, b = command_task("a"), command_task("b")
    run = await finished(stage, a, b, after=chain(a, b))
    assert (await fork(stage, run, "nobody", status=404))["code"] == "unknown-task"
    assert (await fork(stage, "run_none", "a", status=404))["code"] == "unknown-run"
    await fork(stage, run, status=422)
    await fork(stage, run, "a", name="  ", status=422)
    early = await stage.start("pln_to_come", start_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    assert (await fork(stage, early, "a", status=404))["code"] == "unknown-plan"
    await stage.plan(a, b, after=chain(a, b), version=2)
    assert (await fork(stage, run, "b", status=409))["code"] == "plan-superseded"
    async with stage.running.database.read() as view:
        projects = (await view.connection.execute(select(TASK.c.project_id).distinct())).scalars().all()
    assert projects == [stage.project_id]


async def test_one_key_makes_one_fork_however_often_and_at_once_it_is_asked_for(stage: Stage) -> None:
    a, b = command_task("a"), command_task("b")
    run = await finished(stage, a, b, after=chain(a, b))

    async def asked() -> str:
        headers = {"Idempotency-Key": "once"}
        answer = await stage.api.post(f"/runs/{run}/fork", json={"from": ["b"]}, headers=headers)
        assert answer.status_code == 201, answer.text
        assert answer.headers["location"] == f"/runs/{answer.json()['id']}"
        return answer.json()["id"]

    assert len(set(await asyncio.gather(*(asked() for _ in range(4))))) == 1
    assert len((await stage.api.get("/runs")).json()["data"]) == 2
    assert len(await stage.said("run.forked.v1")) == 1


async def test_the_schedule_of_a_fork_has_the_past_of_what_it_adopted(stage: Stage) -> None:
    await stage.team(agent(slots=5), person("ana"))
    a, b, talk = command_task("a"), command_task("b"), people_task("talk")
    run = await stage.start(await stage.plan(a, b, talk, after=chain(a, b, talk)))
    [first] = await stage.said("task.dispatched.v1")
    ended = datetime.now(UTC) - timedelta(days=40)
    await stage.say(succeed(first).model_copy(update={"started_at": ended - timedelta(minutes=90), "ended_at": ended}))

    made = await fork(stage, run, "b")

    async def calculated() -> Any:
        shown = await stage.run(made["id"])
        answer = await stage.api.get(f"/projects/{made['project_id']}/schedule")
        return shown["schedule_is_current"] and answer.status_code == 200 and answer.json()

    schedule = await stage.eventually(calculated)
    planned = {each["key"]: each for each in schedule["tasks"]}
    assert datetime.fromisoformat(planned["a"]["end"]) == ended
    assert datetime.fromisoformat(planned["a"]["start"]) == ended - timedelta(minutes=90)
    assert (planned["a"]["cause"], planned["a"]["member"]["key"]) == ("done", "press")
    assert datetime.fromisoformat(planned["b"]["start"]) > datetime.now(UTC) - timedelta(days=1)
    assert planned["talk"]["start"] >= planned["b"]["end"]
    assert not schedule["unplaced"]


async def test_nothing_is_ever_given_out_of_what_is_adopted(stage: Stage) -> None:
    a, b, c = (command_task(key) for key in "abc")
    run = await finished(stage, a, b, c, after=chain(a, b, c))
    already = await seen(stage)
    made = await fork(stage, run, "c")
    await stage.play(succeed, already)
    adopted = [task["id"] for task in (await stage.tasks(made["id"])).values() if task["adopted_from"]]
    async with stage.running.database.read() as view:
        where = DISPATCH.c.task_id.in_(adopted)
        assert (await view.connection.execute(select(DISPATCH).where(where))).all() == []
    assert len(adopted) == 2


async def test_a_fork_that_breaks_off_leaves_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = command_task("a"), command_task("b")
    run = await finished(stage, a, b, after=chain(a, b))

    async def broken(*_: object) -> None:
        raise RuntimeError("in the last step")

    async def counted() -> dict[str, int]:
        async with stage.running.database.read() as view:
            counts = {t.name: select(func.count()).select_from(t) for t in service.metadata.sorted_tables if t in MADE}
            return {name: (await view.connection.execute(count)).scalar_one() for name, count in counts.items()}

    before = await counted()
    monkeypatch.setattr(fork_run, "advance_run", broken)
    with pytest.raises(RuntimeError, match="in the last step"):
        async with stage.running.database.begin() as work:
            await fork_run.fork_run(work, fork_run.ForkRequest("wsp_1", run, ["b"], "ana"))
    assert await counted() == before
    assert await stage.said("run.forked.v1") == []
