"""Gates on both databases, and runs that go through them."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update
from tests.dependency_cases import CASES, ENDED, NOW, STARTED

from orchestra.chassis.database.unit_of_work import Database
from orchestra.contracts.planning import Dependency
from orchestra.scheduler.adapters.tables import DEPENDENCY, TASK
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.application.end_work import count_down
from orchestra.scheduler.application.reconcile import reconcile

from .conftest import Stage, agent, begin, command_task, fail, people_task, person, succeed


def bound(before: Any, after: Any, kind: Any, lag: int = 0, clock: Any = "elapsed") -> Dependency:
    return Dependency(predecessor=before.id, successor=after.id, kind=kind, lag_minutes=lag, clock=clock)


async def test_the_table_of_cases_holds(stage: Stage) -> None:
    pairs = [(people_task(f"a{n}"), people_task(f"b{n}")) for n in range(len(CASES))]
    edges = [bound(a, b, c.kind, c.hours * 60, c.clock) for (a, b), c in zip(pairs, CASES, strict=True)]
    await stage.plan(*(task for pair in pairs for task in pair), edges=edges)
    database: Database[Any] = stage.running.database
    async with database.begin() as work:
        assert isinstance(work, SqlSchedulingWork)
        work.now = NOW
        for (a, _), case in zip(pairs, CASES, strict=True):
            begun = case.a in ("running", "in_review", "done", "failed", "cancelled")
            values = {"started_at": STARTED if begun else None, "ended_at": ENDED if case.a == "done" else None}
            await work.connection.execute(update(TASK).where(TASK.c.id == a.id).values(status=case.a, **values))
        before = [a.id for a, _ in pairs]
        await count_down(work, await work.gates.lags(before))
        released = {task.id for task in await work.tasks.release_after(before)}
        held = await work.gates.held_ends([b.id for _, b in pairs])
    for (_, b), case in zip(pairs, CASES, strict=True):
        gated = case.kind in ("FS", "SS")
        assert (b.id in released) == (gated and case.starts), case
        assert (b.id in held) == (not case.ends), case


async def test_a_command_is_in_review_until_its_partner_ends_and_keeps_no_slot_from_it(stage: Stage) -> None:
    await stage.team(agent(slots=1))
    partner, held, behind = command_task("partner"), command_task("held"), command_task("behind")
    plan = await stage.plan(held, partner, behind, edges=[bound(partner, held, "FF"), bound(held, behind, "FS")])
    run = await stage.start(plan, concurrency=1)
    [first] = await stage.said("task.dispatched.v1")
    assert first.title == "held"
    await stage.say(succeed(first))
    assert await stage.statuses(run) == {"held": "in_review", "partner": "queued", "behind": "blocked"}
    told = (await stage.api.get(f"/tasks/{held.id}/explain")).json()
    assert told["sentence"] == (
        "held is in_review: its work is done, and its end waits until partner has ended (FF); partner is queued."
    )
    assert await stage.said("task.completed.v1") == []
    await stage.play(succeed, {first.attempt_id})
    assert (await stage.run(run))["status"] == "finished"
    assert [e.key for e in await stage.said("task.completed.v1")] == ["partner", "held", "behind"]
    last = next(e for e in await stage.said("task.dispatched.v1") if e.title == "behind")
    assert [i.path for i in last.handed_on] == ["out/held"]


async def test_a_start_releases_what_waits_for_it_and_hands_nothing_on(stage: Stage) -> None:
    await stage.team(agent())
    a, b = command_task("a"), command_task("b")
    run = await stage.start(await stage.plan(a, b, edges=[bound(a, b, "SS"), bound(a, b, "FF")]))
    [first] = await stage.said("task.dispatched.v1")
    assert await stage.statuses(run) == {"a": "queued", "b": "blocked"}
    await stage.say(begin(first))
    assert await stage.statuses(run) == {"a": "running", "b": "queued"}
    second = (await stage.said("task.dispatched.v1"))[1]
    assert second.handed_on == ()
    await stage.say(succeed(second))
    assert (await stage.statuses(run))["b"] == "in_review"
    await stage.say(succeed(first))
    assert (await stage.run(run))["status"] == "finished"


async def test_people_say_that_they_begin_and_are_free_once_their_work_is_done(stage: Stage) -> None:
    await stage.team(person("ana", "editor"), agent())
    draft, partner, machine = people_task("draft", "editor"), people_task("partner", "editor"), command_task("machine")
    edges = [bound(partner, draft, "FF"), bound(draft, machine, "SS")]
    run = await stage.start(await stage.plan(draft, partner, machine, edges=edges))

    async def assigned() -> str | None:
        return next((k for k, s in (await stage.statuses(run)).items() if s == "assigned"), None)

    by_key = {"draft": draft, "partner": partner}
    first = await stage.eventually(assigned)
    other = "partner" if first == "draft" else "draft"
    assert (await stage.api.post(f"/tasks/{by_key[first].id}/start", json={"member": "boss"})).status_code == 403
    assert (await stage.api.post(f"/tasks/{by_key[first].id}/start", json={"member": "ana"})).status_code == 200
    again = await stage.api.post(f"/tasks/{by_key[first].id}/start", json={})
    assert (again.status_code, again.json()["code"]) == (409, "refused-transition")
    assert [w["key"] for w in (await stage.run(run))["waiting_for"]] == [first]
    await stage.api.post(f"/tasks/{by_key[first].id}/complete", json={"member": "ana"})
    assert await stage.eventually(assigned) == other
    if first == "draft":
        held = await stage.api.post(f"/tasks/{draft.id}/complete", json={})
        assert (held.status_code, held.json()["code"]) == (409, "completion-held")
    await stage.api.post(f"/tasks/{by_key[other].id}/complete", json={})
    await stage.play(succeed)
    assert (await stage.run(run))["status"] == "finished"


async def test_a_lag_is_counted_over_a_restart_and_keeps_the_run_going(stage: Stage) -> None:
    await stage.team(agent())
    a, b = command_task("a"), command_task("b")
    run = await stage.start(await stage.plan(a, b, edges=[bound(a, b, "FS", lag=60)]))
    await stage.play(succeed)
    assert await stage.statuses(run) == {"a": "done", "b": "blocked"}
    assert (await stage.run(run))["status"] == "running"
    shown = (await stage.tasks(run))["b"]["dependencies"][0]
    assert (shown["kind"], shown["lag_minutes"], shown["opens_at"] is None) == ("FS", 60, False)
    async with stage.running.database.begin() as work:  # an hour later, in a process that was not there
        await work.connection.execute(update(DEPENDENCY).values(opens_at=work.now - timedelta(seconds=1)))

    async def queued() -> bool:
        return (await stage.statuses(run))["b"] == "queued"

    await stage.eventually(queued, 60)
    await stage.play(succeed)
    assert (await stage.run(run))["status"] == "finished"


async def test_the_reconciler_counts_a_lag_and_ends_a_task_that_were_forgotten(stage: Stage) -> None:
    await stage.team(agent())
    a, b, c = command_task("a"), command_task("b"), command_task("c")
    run = await stage.start(await stage.plan(a, b, c, edges=[bound(a, b, "FF", lag=60), bound(a, c, "SS", lag=60)]))
    await stage.play(succeed)
    assert await stage.statuses(run) == {"a": "done", "b": "in_review", "c": "blocked"}
    database = stage.running.database
    async with database.begin() as work:
        await work.connection.execute(update(DEPENDENCY).values(opens_at=None))
        await work.connection.execute(update(DEPENDENCY).where(DEPENDENCY.c.kind == "FF").values(lag_minutes=0))

    async def mended() -> bool:
        await reconcile(database.read, database.begin)
        return (await stage.statuses(run))["b"] == "done"

    await stage.eventually(mended, 60)
    shown = (await stage.tasks(run))["c"]["dependencies"][0]
    assert shown["opens_at"] is not None


async def test_a_run_whose_held_task_has_a_failed_partner_has_failed(stage: Stage) -> None:
    await stage.team(agent())
    a, b = command_task("a", retries=0), command_task("b")
    run = await stage.start(await stage.plan(a, b, edges=[bound(a, b, "FF")]))
    await stage.play(lambda d: fail(d, "permanent") if d.title == "a" else succeed(d))
    assert await stage.statuses(run) == {"a": "failed", "b": "in_review"}
    assert (await stage.run(run))["status"] == "failed"


async def test_a_dry_run_waits_for_no_lag(stage: Stage) -> None:
    await stage.team(agent(), person("ana"))
    a, review, b = command_task("a"), people_task("review"), command_task("b")
    edges = [bound(a, review, "SS", 6000), bound(a, review, "FF", 6000), bound(review, b, "FS", 6000, "working")]
    run = await stage.start(await stage.plan(a, review, b, edges=edges), dry_run=True)

    async def finished() -> bool:
        await stage.play(succeed)
        return (await stage.run(run))["status"] == "finished"

    await stage.eventually(finished, 60)
