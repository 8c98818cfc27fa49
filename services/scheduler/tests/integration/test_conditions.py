"""ETags of tasks, runs and schedules, and verbs that are meant for what was seen."""

import asyncio

from .conftest import Stage, people_task, person


async def test_tasks_runs_and_schedules_answer_304_to_one_who_has_them(stage: Stage) -> None:
    await stage.team(person("ana"))
    run = await stage.start(await stage.plan(people_task("report")))
    await stage.eventually(lambda: _assigned(stage, run))
    task = (await stage.tasks(run))["report"]["id"]

    for path in (f"/tasks/{task}", f"/runs/{run}", f"/projects/{stage.project_id}/schedule"):
        first = await stage.api.get(path)
        again = await stage.api.get(path, headers={"if-none-match": first.headers["etag"]})
        other = await stage.api.get(path, headers={"if-none-match": '"another"'})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        assert (other.status_code, other.json()) == (200, first.json())


async def test_of_two_who_have_seen_a_task_the_second_is_told_that_it_changed(stage: Stage) -> None:
    await stage.team(person("ana"))
    run = await stage.start(await stage.plan(people_task("report")))
    await stage.eventually(lambda: _assigned(stage, run))
    task = (await stage.tasks(run))["report"]["id"]
    seen = (await stage.api.get(f"/tasks/{task}")).headers["etag"]

    answers = await asyncio.gather(
        *(stage.api.post(f"/tasks/{task}/complete", json={}, headers={"if-match": seen}) for _ in range(2))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412]
    done = next(answer for answer in answers if answer.status_code == 200)
    refused = next(answer for answer in answers if answer.status_code == 412)
    assert refused.json()["code"] == "precondition-failed"
    assert refused.headers["etag"] == done.headers["etag"]


async def test_a_run_is_not_cancelled_by_one_who_saw_another_state_of_it(stage: Stage) -> None:
    await stage.team(person("ana"))
    run = await stage.start(await stage.plan(people_task("report")))
    seen = (await stage.api.get(f"/runs/{run}")).headers["etag"]
    await stage.eventually(lambda: _assigned(stage, run))

    refused = await stage.api.post(f"/runs/{run}/cancel", headers={"if-match": seen})

    assert refused.status_code == 412
    cancelled = await stage.api.post(f"/runs/{run}/cancel", headers={"if-match": refused.headers["etag"]})
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")


async def _assigned(stage: Stage, run: str) -> bool:
    settled = (await stage.run(run))["schedule_is_current"]
    return settled and (await stage.statuses(run))["report"] == "assigned"
