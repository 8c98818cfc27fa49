"""Starts, timers and deadlines on both databases, under a clock that stands until it is moved."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.databases import Databases

from orchestra.contracts.execution import Evidence
from orchestra.contracts.planning import DecomposedTask
from orchestra.scheduler.application.cancel_run import cancel_run
from orchestra.scheduler.application.cancel_task import cancel_task
from orchestra.scheduler.application.complete_task import complete_task
from orchestra.scheduler.application.keep_time import keep_time
from orchestra.scheduler.application.pause_run import pause_run
from orchestra.scheduler.application.pause_task import pause_task
from orchestra.scheduler.application.record_outcomes import record_successes
from orchestra.scheduler.application.resume_run import resume_run
from orchestra.scheduler.application.resume_task import resume_task
from orchestra.scheduler.application.retry_run import retry_run
from orchestra.scheduler.application.retry_task import retry_task
from orchestra.scheduler.application.select_task import select_task
from orchestra.scheduler.application.skip_task import skip_task
from orchestra.scheduler.domain.errors import DeadlinePassed, NotAPersonsTask, NotReady

from .conftest import HASH, Stage, agent, command_task, people_task, succeed
from .held_clock import FRIDAY, MINUTE, Held, Watch, after, opened, timer

HOUR = timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgres"])
async def url(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> str:
    return await databases.empty(request.param, "scheduler", tmp_path)


@pytest.fixture
async def held(url: str) -> AsyncIterator[Held]:
    watch = Watch()
    async with opened(url, watch) as database:
        made = Held(database, watch)
        await made.team()
        yield made


def at(task: DecomposedTask, **times: Any) -> DecomposedTask:
    return task.model_copy(update=times)


# --- starts -----------------------------------------------------------------------------------------------------------


async def test_a_command_is_not_given_out_before_its_start_and_goes_then(held: Held) -> None:
    later = at(command_task("later"), start_at=FRIDAY + HOUR)
    await held.start(later)
    assert await held.statuses() == {"later": "ready"}
    assert (await held.run())["status"] == "running"
    assert await held.explained(later) == "later is ready: it is not begun before 2026-11-20 16:30 UTC."
    planned = (await held.schedule())["later"]
    assert (planned["start"], planned["cause"]) == (FRIDAY + HOUR, "not before")
    await held.pass_time(59 * MINUTE)
    assert await held.open() == []
    await held.pass_time(MINUTE)
    [attempt] = await held.open()
    await held.succeeded(attempt)
    assert (await held.run())["status"] == "finished"


async def test_a_further_try_keeps_its_own_pause(held: Held) -> None:
    flaky = at(command_task("flaky", retries=1), start_at=FRIDAY + HOUR)
    await held.start(flaky)
    await held.pass_time(HOUR)
    [attempt] = await held.open()
    await held.failed(attempt)
    pause = (await held.task(flaky))["next_try_at"]
    assert pause > held.watch.now()
    await held.pass_time(pause - held.watch.now() - timedelta(seconds=1))
    assert await held.open() == []
    await held.pass_time(timedelta(seconds=1))
    assert len(await held.open()) == 1


async def test_a_person_gets_and_takes_nothing_before_its_start_and_nobody_is_waited_for(held: Held) -> None:
    review = at(people_task("review"), start_at=FRIDAY + HOUR)
    await held.start(review)
    assert (await held.run())["status"] == "running"
    with pytest.raises(NotReady, match="not begun before 2026-11-20 16:30 UTC"):
        await held.say(select_task, review.id, "ana")
    await held.pass_time(HOUR)
    assert await held.statuses() == {"review": "assigned"}
    assert (await held.run())["status"] == "waiting"


async def test_what_comes_late_anyway_waits_for_no_start(held: Held) -> None:
    first, second = command_task("first"), at(command_task("second"), start_at=FRIDAY + MINUTE)
    await held.start(first, second, edges=[after(first, second)])
    await held.pass_time(HOUR)
    [attempt] = await held.open()
    await held.succeeded(attempt)
    assert [each.title for each in await held.open()] == ["second"]


async def test_a_time_that_has_come_is_found_once(held: Held) -> None:
    """Nobody can take it: the run must not be looked at in every round from then on."""
    await held.start(at(command_task("lost"), role="nobody", start_at=FRIDAY + HOUR))
    await held.pass_time(HOUR)
    async with held.database.read() as view:
        assert await view.runs.to_look_at(50) == []
    assert (await held.run())["status"] == "waiting"


async def test_a_newer_plan_moves_a_start(held: Held) -> None:
    task = at(command_task("task"), start_at=FRIDAY + HOUR)
    await held.start(task)
    await held.plan(at(task, start_at=FRIDAY + 3 * HOUR))
    await held.pass_time(2 * HOUR)
    assert await held.open() == []
    await held.plan(at(task, start_at=None))
    assert len(await held.open()) == 1


async def test_a_run_is_accepted_until_its_start(held: Held) -> None:
    task, wait = command_task("task"), timer("wait", 10)
    await held.start(task, wait, start_at=FRIDAY + HOUR)
    assert (await held.run())["status"] == "accepted"
    assert await held.explained(task) == "task is ready: the run begins at 2026-11-20 16:30 UTC."
    assert await held.explained(wait) == "wait is ready: the run begins at 2026-11-20 16:30 UTC."
    assert {each["start"] for each in (await held.schedule()).values()} == {FRIDAY + HOUR}
    await held.plan(task, wait, command_task("more"))
    await held.pass_time(59 * MINUTE)
    assert await held.open() == []
    await held.pass_time(MINUTE)
    assert (await held.run())["status"] == "running"
    assert [each.title for each in await held.open()] == ["task", "more"]
    assert (await held.run())["started_at"] == FRIDAY + HOUR


async def test_a_run_is_cancelled_or_held_before_its_start(held: Held) -> None:
    task = people_task("task")
    await held.start(task, start_at=FRIDAY + HOUR)
    with pytest.raises(NotReady, match="its run begins at"):
        await held.say(select_task, task.id, "ana")
    await held.say(pause_run, held.run_id, "ana")
    await held.say(resume_run, held.run_id, "ana")
    assert (await held.run())["status"] == "accepted"
    await held.say(pause_run, held.run_id, "ana")
    await held.pass_time(2 * HOUR)
    assert (await held.run())["status"] == "paused"
    await held.say(resume_run, held.run_id, "ana")
    assert (await held.run())["status"] == "waiting"


async def test_a_run_that_is_cancelled_before_its_start_never_begins(held: Held) -> None:
    await held.start(command_task("task"), start_at=FRIDAY + HOUR)
    await held.say(cancel_run, held.run_id, "ana")
    await held.pass_time(2 * HOUR)
    assert (await held.run())["status"] == "cancelled"
    assert await held.open() == []


# --- timers -----------------------------------------------------------------------------------------------------------


async def test_a_timer_counts_from_the_end_of_what_is_before_it_and_ends_by_itself(held: Held) -> None:
    first, wait, last = command_task("first"), timer("wait", 90), command_task("last")
    await held.start(first, wait, last, edges=[after(first, wait), after(wait, last)])
    await held.pass_time(10 * MINUTE)
    await held.succeeded((await held.open())[0])
    assert await held.statuses() == {"first": "done", "wait": "running", "last": "blocked"}
    assert (await held.run())["status"] == "running"
    shown = await held.task(wait)
    assert (shown["started_at"], shown["planned_end"]) == (FRIDAY + 10 * MINUTE, FRIDAY + 100 * MINUTE)
    assert await held.explained(wait) == "wait is running: it waits until 2026-11-20 17:10 UTC."
    assert (await held.run())["waiting_for"] == []
    await held.pass_time(90 * MINUTE - timedelta(seconds=1))
    assert (await held.statuses())["wait"] == "running"
    await held.pass_time(timedelta(seconds=1))
    assert [each.title for each in await held.open()] == ["last"]
    await held.succeeded((await held.open())[0])
    assert (await held.run())["status"] == "finished"
    assert [each.key for each in await held.said("task.completed.v1")] == ["first", "wait", "last"]


async def test_a_timer_goes_on_in_a_process_that_was_not_there(held: Held, url: str) -> None:
    await held.start(wait := timer("wait", 30))
    async with opened(url, held.watch) as database:
        another = Held(database, held.watch)
        await another.pass_time(30 * MINUTE)
    assert (await held.task(wait))["status"] == "done"
    assert (await held.run())["status"] == "finished"


async def test_working_minutes_rest_over_the_weekend(held: Held) -> None:
    await held.start(wait := timer("wait", 120, clock="working"))
    monday = FRIDAY.replace(day=23, hour=9, minute=30)
    assert (await held.task(wait))["planned_end"] == monday
    planned = (await held.schedule())["wait"]
    assert (planned["end"], planned["member"]) == (monday, None)
    await held.pass_time(monday - FRIDAY)
    assert (await held.run())["status"] == "finished"


async def test_a_timer_is_planned_without_anybody_and_takes_no_slot(held: Held) -> None:
    first, wait, last = command_task("first"), timer("wait", 30), people_task("last", points=1)
    waits = [timer(f"beside-{n}", 30) for n in range(9)]
    await held.start(first, wait, last, *waits, edges=[after(first, wait), after(wait, last)])
    planned = await held.schedule()
    assert planned["wait"]["start"] == planned["first"]["end"]
    assert planned["wait"]["end"] == planned["wait"]["start"] + 30 * MINUTE
    assert planned["last"]["start"] >= planned["wait"]["end"]
    assert planned["wait"]["member"] is None
    statuses = await held.statuses()
    assert all(statuses[each.key] == "running" for each in waits)


async def test_a_start_of_a_timer_is_when_it_begins_to_count(held: Held) -> None:
    await held.start(wait := timer("wait", 30, start_at=FRIDAY + HOUR))
    assert await held.explained(wait) == "wait is ready: it is not begun before 2026-11-20 16:30 UTC."
    assert (await held.run())["status"] == "running"
    await held.pass_time(HOUR)
    assert (await held.task(wait))["planned_end"] == FRIDAY + HOUR + 30 * MINUTE


async def test_a_paused_timer_ends_when_it_is_resumed(held: Held) -> None:
    await held.start(wait := timer("wait", 30))
    await held.say(pause_task, wait.id, "ana")
    assert (await held.run())["status"] == "waiting"
    assert [each["paused"] for each in (await held.run())["waiting_for"]] == [True]
    await held.pass_time(HOUR)
    assert await held.explained(wait) == (
        "wait is running: ana has paused it, and it does not end before it is resumed;"
        " it waits until 2026-11-20 16:00 UTC."
    )
    await held.say(resume_task, wait.id, "ana")
    assert (await held.run())["status"] == "running"
    await held.look()
    assert (await held.run())["status"] == "finished"


async def test_in_a_paused_run_no_timer_begins_or_ends(held: Held) -> None:
    first, begun, behind = command_task("first"), timer("begun", 30), timer("behind", 30)
    await held.start(first, begun, behind, edges=[after(first, behind)])
    await held.say(pause_run, held.run_id, "ana")
    await held.succeeded((await held.open())[0])
    await held.pass_time(HOUR)
    assert await held.statuses() == {"first": "done", "begun": "running", "behind": "ready"}
    assert "the run is paused" in await held.explained(begun)
    await held.say(resume_run, held.run_id, "ana")
    await held.look()
    assert await held.statuses() == {"first": "done", "begun": "done", "behind": "running"}
    assert (await held.task(behind))["planned_end"] == FRIDAY + 90 * MINUTE


async def test_a_timer_is_cut_short_by_a_skip_and_nobody_completes_it(held: Held) -> None:
    await held.start(wait := timer("wait", 30))
    with pytest.raises(NotAPersonsTask):
        await held.say(complete_task, wait.id, None)
    await held.say(skip_task, wait.id, "ana")
    assert (await held.run())["status"] == "finished"


async def test_a_cancelled_timer_counts_anew_when_it_is_retried(held: Held) -> None:
    wait, last = timer("wait", 30), command_task("last")
    await held.start(wait, last, edges=[after(wait, last)])
    await held.pass_time(20 * MINUTE)
    await held.say(cancel_task, wait.id, "ana")
    assert (await held.run())["status"] == "failed"
    await held.pass_time(20 * MINUTE)
    await held.say(retry_task, wait.id, "ana")
    assert (await held.task(wait))["planned_end"] == FRIDAY + 70 * MINUTE
    await held.pass_time(30 * MINUTE)
    assert [each.title for each in await held.open()] == ["last"]


async def test_a_newer_plan_leaves_a_counting_timer_and_makes_others_of_what_has_not_begun(held: Held) -> None:
    first, begun, behind, task = command_task("first"), timer("begun", 30), timer("behind", 30), people_task("task")
    edges = [after(first, behind), after(first, task)]
    await held.start(first, begun, behind, task, edges=edges)
    longer, now_a_timer = timer("begun", 60), timer("task", 15)
    changed = (
        first,
        at(longer, id=begun.id),
        at(people_task("behind"), id=behind.id),
        at(now_a_timer, id=task.id),
    )
    await held.plan(*changed, edges=edges)
    await held.succeeded((await held.open())[0])
    await held.pass_time(timedelta(seconds=1))  # a schedule rests for half of one
    assert await held.statuses() == {"first": "done", "begun": "running", "behind": "assigned", "task": "running"}
    assert (await held.task(begun))["newer"] == {"wait": {"minutes": 60, "clock": "elapsed"}}
    await held.pass_time(30 * MINUTE)
    assert (await held.task(begun))["status"] == (await held.task(task))["status"] == "done"


async def test_timers_keep_gates_of_all_kinds(held: Held) -> None:
    serve, wait, beside = command_task("serve"), timer("wait", 30), command_task("beside")
    await held.start(serve, wait, beside, edges=[after(wait, beside, "SS"), after(serve, wait, "FF")])
    assert {each.title for each in await held.open()} == {"serve", "beside"}
    await held.pass_time(30 * MINUTE)
    assert (await held.statuses())["wait"] == "in_review"
    for attempt in await held.open():
        await held.succeeded(attempt)
    assert (await held.run())["status"] == "finished"


async def test_a_dry_run_waits_for_no_time(held: Held) -> None:
    wait, last = timer("wait", 30), at(command_task("last"), start_at=FRIDAY + HOUR, deadline=FRIDAY - HOUR)
    await held.start(wait, last, edges=[after(wait, last)], dry_run=True)
    await held.succeeded((await held.open())[0])
    assert (await held.run())["status"] == "finished"


# --- deadlines --------------------------------------------------------------------------------------------------------


async def test_at_its_deadline_a_command_is_withdrawn_and_has_failed(held: Held) -> None:
    slow = at(command_task("slow", retries=5), deadline=FRIDAY + HOUR)
    await held.start(slow)
    [attempt] = await held.open()
    await held.began(attempt)
    assert await held.explained(slow) == (
        "slow is running: Press is at it (attempt 1); its deadline is 2026-11-20 16:30 UTC."
    )
    await held.pass_time(HOUR)
    shown = await held.task(slow)
    reason = "its deadline, 2026-11-20 16:30:00 UTC, has passed"
    assert (shown["status"], shown["late"]) == ("failed", True)
    assert shown["last_failure"] == {"class": "deadline", "reason": reason, "attempt": 1}
    assert [each.attempt_id for each in await held.said("dispatch.withdrawn.v1")] == [attempt.attempt_id]
    assert (await held.run())["status"] == "failed"
    partial = Evidence(sandbox_level="L3", duration_ms=5, tail="so far")
    await held.failed(attempt, "cancelled", evidence=partial)
    shown = await held.task(slow)
    assert (shown["evidence"]["tail"], shown["last_failure"]["class"]) == ("so far", "deadline")


async def test_after_its_deadline_nothing_is_begun(held: Held) -> None:
    first = command_task("first")
    behind = at(command_task("behind"), deadline=FRIDAY + HOUR)
    early = at(command_task("early"), start_at=FRIDAY + 2 * HOUR, deadline=FRIDAY + HOUR)
    await held.start(first, behind, early, edges=[after(first, behind)])
    held.watch.instant += HOUR
    await held.succeeded((await held.open())[0])  # before the loop has looked
    assert await held.open() == []
    await held.look()
    assert await held.statuses() == {"first": "done", "behind": "failed", "early": "failed"}
    assert (await held.run())["status"] == "failed"


async def test_a_person_may_have_it_tried_again_without_its_deadline(held: Held) -> None:
    slow = at(command_task("slow"), deadline=FRIDAY + HOUR)
    await held.start(slow)
    await held.pass_time(HOUR)
    await held.say(retry_run, held.run_id, "ana")
    [_, attempt] = await held.open()
    await held.pass_time(HOUR)
    assert (await held.statuses())["slow"] == "queued"
    await held.succeeded(attempt)
    assert (await held.run())["status"] == "finished"
    assert (await held.task(slow))["late"] is True


async def test_a_retry_before_the_deadline_keeps_it(held: Held) -> None:
    task = at(command_task("task"), deadline=FRIDAY + HOUR)
    await held.start(task)
    await held.failed((await held.open())[0], "permanent")
    await held.say(retry_task, task.id, "ana")
    await held.pass_time(HOUR)
    assert (await held.task(task))["last_failure"]["class"] == "deadline"


async def test_a_newer_plan_moves_the_deadline_of_what_is_under_way(held: Held) -> None:
    slow = at(command_task("slow"), deadline=FRIDAY + HOUR)
    await held.start(slow)
    await held.began((await held.open())[0])
    await held.plan(at(slow, deadline=FRIDAY + 3 * HOUR))
    await held.pass_time(2 * HOUR)
    assert (await held.statuses())["slow"] == "running"
    await held.pass_time(HOUR)
    assert (await held.task(slow))["last_failure"]["reason"] == "its deadline, 2026-11-20 18:30:00 UTC, has passed"


async def test_a_persons_task_is_late_and_nothing_is_forced(held: Held) -> None:
    review = at(people_task("review", points=8), deadline=FRIDAY + HOUR)
    await held.start(review)
    assert (await held.schedule())["review"]["late"] is True
    assert (await held.task(review))["late"] is False
    await held.pass_time(2 * HOUR)
    shown = await held.task(review)
    assert (shown["status"], shown["late"]) == ("assigned", True)
    assert "it is late, its deadline was 2026-11-20 16:30 UTC" in await held.explained(review)
    await held.say(complete_task, review.id, "ana")
    assert (await held.task(review))["late"] is True


async def test_without_a_run_no_deadline_takes_effect(held: Held) -> None:
    task = at(command_task("task"), deadline=FRIDAY + HOUR)
    await held.plan(task)
    await held.pass_time(2 * HOUR)
    assert (await held.task(task))["status"] == "ready"


async def test_a_deadline_holds_in_a_paused_run(held: Held) -> None:
    task = at(command_task("task"), deadline=FRIDAY + HOUR)
    await held.start(task)
    await held.say(pause_run, held.run_id, "ana")
    await held.pass_time(HOUR)
    assert ((await held.run())["status"], await held.statuses()) == ("paused", {"task": "failed"})


async def test_a_run_is_cancelled_at_its_deadline(held: Held) -> None:
    await held.start(command_task("slow"), timer("wait", 600), deadline=FRIDAY + HOUR)
    [attempt] = await held.open()
    await held.pass_time(59 * MINUTE)
    assert (await held.run())["status"] == "running"
    await held.pass_time(MINUTE)
    run = await held.run()
    assert (run["status"], run["cause"]) == ("cancelled", "its deadline, 2026-11-20 16:30:00 UTC, has passed")
    assert await held.statuses() == {"slow": "cancelled", "wait": "cancelled"}
    await held.succeeded(attempt)
    assert (await held.run())["totals"] == {"cancelled": 2}


async def test_a_run_that_was_over_in_time_stays_and_one_reopened_late_has_no_deadline(held: Held) -> None:
    await held.start(command_task("task"), deadline=FRIDAY + HOUR)
    await held.failed((await held.open())[0], "permanent")
    await held.pass_time(2 * HOUR)
    assert (await held.run())["status"] == "failed"
    await held.say(retry_run, held.run_id, "ana")
    await held.pass_time(HOUR)
    assert (await held.run())["status"] == "running"
    await held.succeeded((await held.open())[0])
    assert (await held.run())["status"] == "finished"


async def test_times_of_a_run_are_read_with_their_zone_and_in_order(stage: Stage) -> None:
    await stage.team(agent())
    plan = await stage.plan(command_task("task"))

    async def refused(**times: str) -> tuple[int, str, str]:
        body = {"plan_id": plan, "hash": HASH, **times}
        answer = await stage.api.post(f"/projects/{stage.project_id}/runs", json=body)
        told = answer.json()
        fault = told["errors"][0] if told.get("errors") else {"pointer": "", "code": told["code"]}
        return answer.status_code, fault["pointer"], fault["code"]

    assert await refused(start_at="2030-01-01T09:00:00") == (422, "/start_at", "no-zone")
    assert await refused(start_at="2030-01-01T09:00:00Z", deadline="2030-01-01T10:00:00+01:00") == (
        422,
        "",
        "deadline-before-start",
    )
    assert await refused(deadline="2020-01-01T09:00:00Z") == (422, "", "deadline-passed")
    run = await stage.run(await stage.start(plan, start_at="2030-01-01T09:00:00+01:00"))
    assert (run["status"], run["start_at"], run["deadline"]) == ("accepted", "2030-01-01T08:00:00Z", None)


async def test_a_deadline_that_has_passed_starts_no_run(held: Held) -> None:
    with pytest.raises(DeadlinePassed):
        await held.start(command_task("task"), deadline=FRIDAY)


async def test_the_next_instant_is_known(held: Held) -> None:
    async def coming() -> Any:
        async with held.database.read() as view:
            return await view.times.coming()

    assert await coming() is None
    await held.start(timer("wait", 90), at(command_task("task"), deadline=FRIDAY + HOUR), deadline=FRIDAY + 4 * HOUR)
    assert await coming() == FRIDAY + HOUR
    await held.succeeded((await held.open())[0])
    assert await coming() == FRIDAY + 90 * MINUTE
    await held.pass_time(90 * MINUTE)
    assert await coming() is None


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_of_an_outcome_and_a_deadline_at_the_same_moment_one_wins(held: Held) -> None:
    tasks = [at(command_task(f"t{n}"), deadline=FRIDAY + HOUR) for n in range(8)]
    waits = [timer(f"w{n}", 60) for n in range(2)]
    await held.start(*tasks, *waits)
    held.watch.instant += HOUR
    attempts = await held.open()
    assert attempts

    async def outcome(attempt: Any) -> None:
        async with held.database.begin() as work:
            await record_successes(work, [succeed(attempt)])

    async def look() -> None:
        await keep_time(held.database.read, held.database.begin)

    await asyncio.gather(*(each for attempt in attempts for each in (outcome(attempt), look())))
    statuses = await held.statuses()
    done = [key for key, status in statuses.items() if status == "done"]
    assert set(statuses.values()) <= {"done", "failed"}
    assert sorted(each.key for each in await held.said("task.completed.v1")) == sorted(done)
    withdrawn = {each.attempt_id for each in await held.said("dispatch.withdrawn.v1")}
    names = {each.attempt_id: each.title for each in attempts}
    assert withdrawn == {attempt for attempt, key in names.items() if statuses[key] == "failed"}
    assert {"w0", "w1"} <= set(done)
