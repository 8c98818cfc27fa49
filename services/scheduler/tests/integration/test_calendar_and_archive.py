"""The calendar over the API, the history of schedules, and the archive as the scheduler keeps it."""

from datetime import date, timedelta
from typing import Any

from .conftest import HASH, Stage, agent, command_task, people_task, person


async def test_br_wday_005_a_change_of_the_calendar_moves_the_schedule_and_the_history_says_why(stage: Stage) -> None:
    team = {"members": [person("ana", "editor")], "people_choose": True}  # so that nothing but the calendar changes
    await stage.api.put(f"/projects/{stage.project_id}/team", json=team)
    task = people_task("read", "editor", points=4)
    await stage.start(await stage.plan(task))
    base = f"/projects/{stage.project_id}"

    async def versions(after: int) -> list[dict[str, Any]]:
        page = (await stage.api.get(f"{base}/schedules")).json()["data"]
        return [each for each in page if each["version"] > after]

    [first, *_] = await stage.eventually(lambda: versions(0))
    shown = (await stage.api.get(f"{base}/schedules/{first['version']}")).json()
    [planned] = shown["tasks"]
    begins = date.fromisoformat(planned["start"][:10])
    days = [(begins + timedelta(n)).isoformat() for n in range(14)]
    answer = await stage.api.post(f"{base}/calendar/holidays", json={"days": days})
    assert answer.json()["holidays"] == days
    [second, *_] = await stage.eventually(lambda: versions(first["version"]))
    assert "holidays were added" in second["cause"]
    difference = (await stage.api.get(f"{base}/schedules/{second['version']}/difference")).json()
    [move] = difference["moves"]
    assert (move["key"], move["start_before"]) == ("read", planned["start"])
    assert move["start_after"][:10] not in days
    assert [each["version"] for each in difference["causes"]] == [second["version"]]
    back = {"since": second["version"]}
    [undone] = (await stage.api.get(f"{base}/schedules/{first['version']}/difference", params=back)).json()["moves"]
    assert (undone["start_before"], undone["start_after"]) == (move["start_after"], move["start_before"])
    assert (await stage.api.get(f"{base}/schedules/999/difference")).status_code == 404


async def test_a_calendar_is_read_replaced_and_filled_with_public_holidays(stage: Stage) -> None:
    await stage.team(person("ana"))
    path = f"/projects/{stage.project_id}/calendar"
    read = await stage.api.get(path)
    wanted = {**read.json(), "zone": "Europe/Lisbon", "days": ["mon", "tue"], "holidays": ["12-25"]}
    assert (await stage.api.put(path, json=wanted)).status_code == 428
    tag = {"If-Match": read.headers["etag"]}
    assert (await stage.api.put(path, json=wanted, headers=tag)).json() == wanted
    assert (await stage.api.put(path, json=wanted, headers=tag)).status_code == 412
    public = {"country": "PT", "years": [2027]}
    added = (await stage.api.post(f"{path}/holidays/public", json=public)).json()
    assert "2027-04-25" in added["calendar"]["holidays"]
    assert "2027-12-25" not in [each["day"] for each in added["added"]]  # it is one of every year already
    assert (await stage.api.post(f"{path}/holidays/public", json=public)).json()["added"] == []
    refused = await stage.api.post(f"{path}/holidays/public", json={"country": "XX"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-calendar")
    left = (await stage.api.delete(f"{path}/holidays/2027-04-25")).json()
    assert "2027-04-25" not in left["holidays"]
    assert (await stage.api.get(f"/projects/{stage.project_id}/team")).json()["calendar"] == left


async def test_an_archived_project_has_no_open_run_and_takes_no_changes(stage: Stage) -> None:
    await stage.team(agent(), person("ana"))
    plan = await stage.plan(command_task("build"), people_task("read"))
    base = f"/projects/{stage.project_id}"
    run = await stage.start(plan)
    refused = (await stage.api.post(f"{base}/archive")).json()
    assert (refused["code"], run in refused["detail"]) == ("open-runs", True)
    await stage.api.post(f"/runs/{run}/cancel", json={})
    filed = (await stage.api.post(f"{base}/archive")).json()
    assert filed["archived_at"]
    assert (await stage.api.post(f"{base}/archive")).json() == filed  # again changes nothing
    task = next(iter((await stage.tasks(run)).values()))["id"]
    changes = {
        "runs": await stage.api.post(f"{base}/runs", json={"plan_id": plan, "hash": HASH}),
        "team": await stage.api.put(f"{base}/team", json={"members": [person("ana")]}),
        "member": await stage.api.post(f"{base}/members", json=person("bea")),
        "fire": await stage.api.post(f"{base}/members/ana/fire", json={}),
        "role": await stage.api.post(f"{base}/roles", json={"name": "editor"}),
        "calendar": await stage.api.post(f"{base}/calendar/holidays", json={"days": ["12-24"]}),
        "select": await stage.api.post(f"/tasks/{task}/select", json={"member": "ana"}),
        "complete": await stage.api.post(f"/tasks/{task}/complete", json={}),
    }
    assert {name: (a.status_code, a.json()["code"]) for name, a in changes.items()} == dict.fromkeys(
        changes, (409, "project-archived")
    )
    await stage.plan(people_task("late"))
    assert [event.code for event in await stage.said("plan.refused.v1")] == ["project-archived"]
    assert (await stage.api.post(f"{base}/unarchive")).json()["archived_at"] is None
    assert (await stage.api.post(f"{base}/roles", json={"name": "editor"})).status_code == 201
    said = await stage.said("project.changed.v1")
    assert [(event.sequence, event.archived_at is not None) for event in said] == [(1, True), (2, False)]
