"""Members and their tasks over the API: who takes, begins, reports, gives back and leaves."""

import asyncio
from typing import Any

import pytest

from orchestra.scheduler.adapters.people import SqlMembers
from orchestra.scheduler.adapters.projects import SqlProjects
from orchestra.scheduler.adapters.runs import SqlChanges
from orchestra.scheduler.adapters.tasks import SqlTasks

from .conftest import Stage, agent, begin, command_task, people_task, person, succeed

ANY = {"If-Match": "*"}


async def at_work(stage: Stage, *keys: str, people_choose: bool = True, **points: float) -> dict[str, str]:
    """Tasks of editors, in a run; their ids by key."""
    body = {"members": [person("ana", "editor", slots=2), person("bea", "editor"), person("ines", manager=True)]}
    answer = await stage.api.put(f"/projects/{stage.project_id}/team", json={**body, "people_choose": people_choose})
    assert answer.status_code == 200, answer.text
    tasks = [people_task(key, "editor", points.get(key, 2)) for key in keys]
    await stage.start(await stage.plan(*tasks))
    return {task.key: task.id for task in tasks}


async def say(stage: Stage, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = await stage.api.post(path, json=body)
    return answer.status_code, answer.json()


async def log_of(stage: Stage, task_id: str) -> list[tuple[str, str, str, str | None]]:
    page = (await stage.api.get(f"/tasks/{task_id}/log")).json()
    assert all(entry["author"] in ("ana", "scheduler") for entry in page["data"])
    return [(e["kind"], e["before"], e["after"], e["member"] and e["member"]["key"]) for e in page["data"]]


async def test_br_assign_005_a_persons_way_through_a_task_is_logged_whole(stage: Stage) -> None:
    tasks = await at_work(stage, "read")
    read = f"/tasks/{tasks['read']}"
    assert (await say(stage, f"{read}/report", percent=1))[1]["code"] == "not-in-hand"
    assert (await say(stage, f"{read}/select", member="ana"))[0] == 200
    assert (await say(stage, f"{read}/start", member="bea"))[1]["code"] == "not-the-assignee"
    status, begun = await say(stage, f"{read}/start", member="ana")
    assert (status, begun["status"]) == (200, "running")
    status, reported = await say(stage, f"{read}/report", percent=40, text="the first half")
    assert (reported["status"], reported["progress"]) == ("running", 40)
    assert reported["started_at"] == begun["started_at"]  # BR-SCHED-005
    assert (await say(stage, f"{read}/abandon", reason=" "))[0] == 422  # BR-ABANDON-001
    assert (await say(stage, f"{read}/abandon", reason="too long for me"))[1]["status"] == "ready"
    assert (await say(stage, f"{read}/select", member="bea"))[0] == 200
    assert (await say(stage, f"{read}/remove-assignee", by="ana"))[1]["rule"] == "BR-PROJ-004"
    assert (await say(stage, f"{read}/remove-assignee", by="ines"))[1]["assignee"] is None
    assert (await say(stage, f"{read}/select", member="bea"))[0] == 200
    status, done = await say(stage, f"{read}/complete", member="bea")
    assert (done["status"], done["progress"]) == ("done", 100)
    assert await log_of(stage, tasks["read"]) == [
        ("assigned", "ready", "assigned", "ana"),
        ("status", "assigned", "running", "ana"),
        ("reported", "running", "running", "ana"),
        ("abandoned", "running", "ready", "ana"),
        ("assigned", "ready", "assigned", "bea"),
        ("unassigned", "assigned", "ready", "bea"),
        ("assigned", "ready", "assigned", "bea"),
        ("status", "assigned", "done", "bea"),
    ]
    first = (await stage.api.get(f"/projects/{stage.project_id}/log", params={"limit": 3})).json()
    rest = await stage.api.get(f"/projects/{stage.project_id}/log", params={"cursor": first["next_cursor"]})
    assert len(first["data"]) + len(rest.json()["data"]) == 8


async def test_refusals_of_a_selection_name_their_rules(stage: Stage) -> None:
    tasks = await at_work(stage, "read", "write", "big", big=20)
    select = {key: f"/tasks/{task_id}/select" for key, task_id in tasks.items()}
    rules = [
        (await say(stage, select["read"], member="ines"))[1]["rule"],
        (await say(stage, select["read"], member="ana", by="ines"))[1]["rule"],
        (await say(stage, select["big"], member="ana"))[1]["rule"],
    ]
    assert (await say(stage, select["read"], member="bea"))[0] == 200
    rules.append((await say(stage, select["read"], member="ana"))[1]["rule"])
    rules.append((await say(stage, select["write"], member="bea"))[1]["rule"])
    assert rules == ["BR-PROJ-002", "BR-ASSIGN-001", "BR-ASSIGN-003", "BR-TASK-003", "BR-ASSIGN-004"]
    assert (await say(stage, select["write"], member="nobody"))[1]["code"] == "unknown-member"
    ana, bea = (await stage.api.get(f"/projects/{stage.project_id}/workload")).json()["data"]
    assert (ana["id"], ana["score"], ana["band"], ana["points_left"]) == ("ana", 0, "idle", 15)
    assert (bea["score"], bea["ratio"], [task["key"] for task in bea["tasks"]]) == (2, 0.2, ["read"])


async def test_br_abandon_002_the_schedule_does_not_give_it_to_the_same_member_again(stage: Stage) -> None:
    tasks = await at_work(stage, "read", people_choose=False)

    async def has(key: str) -> bool:
        task = (await stage.api.get(f"/tasks/{tasks['read']}")).json()
        return task["assignee"] is not None and task["assignee"]["key"] == key

    await stage.eventually(lambda: has("ana"))
    assert (await say(stage, f"/tasks/{tasks['read']}/abandon", reason="I am away"))[0] == 200
    await stage.eventually(lambda: has("bea"))


@pytest.mark.parametrize("verb", ["fire", "resign"])
async def test_whoever_leaves_gives_everything_back_in_one_transaction(stage: Stage, verb: str) -> None:
    tasks = await at_work(stage, "read", "write")
    for key in tasks:
        await say(stage, f"/tasks/{tasks[key]}/select", member="ana")
    await say(stage, f"/tasks/{tasks['read']}/start")
    ana = f"/projects/{stage.project_id}/members/ana"
    status, left = await say(stage, f"{ana}/{verb}", reason="moved away")
    assert (status, [task["key"] for task in left["returned"]]) == (200, ["read", "write"])
    for task_id in tasks.values():
        task = (await stage.api.get(f"/tasks/{task_id}")).json()
        assert (task["status"], task["assignee"], task["started_at"]) == ("ready", None, None)
        assert (await log_of(stage, task_id))[-1][0] == "unassigned"
    assert (await stage.api.get(ana)).status_code == 404
    assert (await say(stage, f"/tasks/{tasks['read']}/select", member="ana"))[1]["code"] == "unknown-member"
    assert (await say(stage, f"{ana}/{verb}"))[1]["code"] == "unknown-member"


async def test_leaving_that_fails_half_way_leaves_nothing_half_done(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = await at_work(stage, "read")
    await say(stage, f"/tasks/{tasks['read']}/select", member="ana")
    ana = f"/projects/{stage.project_id}/members/ana"
    log = await log_of(stage, tasks["read"])

    def breaks(*about: Any) -> None:
        raise ZeroDivisionError(about)

    for owner, step in (
        (SqlMembers, "dismiss"),
        (SqlTasks, "change"),
        (SqlChanges, "add"),
        (SqlProjects, "mark_stale"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, step, breaks)
            assert (await stage.api.post(f"{ana}/fire", json={})).status_code == 500
        task = (await stage.api.get(f"/tasks/{tasks['read']}")).json()
        assert (task["status"], task["assignee"]["key"]) == ("assigned", "ana")
        assert (await stage.api.get(ana)).status_code == 200
        assert await log_of(stage, tasks["read"]) == log
    assert (await say(stage, f"{ana}/fire"))[0] == 200


async def test_an_agent_that_leaves_has_its_attempts_called_back(stage: Stage) -> None:
    await stage.team(agent("press", slots=2), agent("other", slots=2))
    run = await stage.start(await stage.plan(command_task("build"), command_task("pay", repeatable=False)))
    sent = await stage.said("task.dispatched.v1")
    await stage.say(*(begin(each) for each in sent))
    owners = {key: task["assignee"]["key"] for key, task in (await stage.tasks(run)).items()}
    for key in sorted(set(owners.values())):
        await say(stage, f"/projects/{stage.project_id}/members/{key}/fire")
    assert {each.attempt_id for each in await stage.said("dispatch.withdrawn.v1")} >= {each.attempt_id for each in sent}
    await stage.say(*(succeed(each) for each in sent))  # too late
    assert await stage.statuses(run) == {"build": "ready", "pay": "waiting"}


async def test_members_come_change_and_are_away(stage: Stage) -> None:
    tasks = await at_work(stage, "read")
    members = f"/projects/{stage.project_id}/members"
    assert (await say(stage, members, **person("bea")))[1]["code"] == "member-exists"
    status, dan = await say(stage, members, **person("dan", "editor", days=["mon"], hours=["08:00-10:00"]))
    assert (status, dan["days"], dan["hours"]) == (201, ["mon"], ["08:00-10:00"])
    change = {"seniority": "lead", "days": None, "hours": None}
    tag = {"If-Match": (await stage.api.get(f"{members}/dan")).headers["etag"]}
    assert (await stage.api.patch(f"{members}/dan", json=change)).status_code == 428
    changed = (await stage.api.patch(f"{members}/dan", json=change, headers=tag)).json()
    assert (await stage.api.patch(f"{members}/dan", json=change, headers=tag)).status_code == 412
    assert (changed["seniority"], changed["days"], changed["roles"]) == ("lead", None, ["editor"])
    assert (await stage.api.patch(f"{members}/dan", json={"kind": "agent"}, headers=ANY)).status_code == 422
    away = {"first": "2026-12-21", "last": "2026-12-23", "reason": "a wedding"}
    status, dan = await say(stage, f"{members}/dan/days-off", **away)
    assert dan["absences"] == [away]
    dan = (await stage.api.delete(f"{members}/dan/days-off", params={"first": "2026-12-22"})).json()
    assert [each["first"] for each in dan["absences"]] == ["2026-12-21", "2026-12-23"]
    await say(stage, f"/tasks/{tasks['read']}/select", member="dan")
    assert (await stage.api.patch(f"{members}/dan", json={"manager": True}, headers=ANY)).status_code == 200
    task = (await stage.api.get(f"/tasks/{tasks['read']}")).json()
    assert (task["status"], task["assignee"]) == ("ready", None)  # BR-PROJ-002
    page = (await stage.api.get(members, params={"limit": 3})).json()
    assert [each["id"] for each in page["data"]] == ["ana", "bea", "dan"]
    assert page["next_cursor"]


async def test_br_role_001_roles_are_unique_and_stay_while_they_are_used(stage: Stage) -> None:
    await at_work(stage, "read")
    roles = f"/projects/{stage.project_id}/roles"
    assert (await say(stage, roles, name="Editor"))[1]["rule"] == "BR-ROLE-001"
    assert (await say(stage, roles, name="printer"))[0] == 201
    refused = (await stage.api.delete(f"{roles}/editor")).json()
    assert all(user in refused["detail"] for user in ("ana, bea", "read"))
    assert (await say(stage, f"{roles}/editor/rename", name="writer"))[1]["code"] == "role-in-use"
    await stage.api.patch(f"/projects/{stage.project_id}/members/bea", json={"roles": ["printer"]}, headers=ANY)
    _, renamed = await say(stage, f"{roles}/printer/rename", name="press")
    assert renamed == {"name": "press", "members": ["bea"], "tasks": []}
    assert (await stage.api.get(f"/projects/{stage.project_id}/members/bea")).json()["roles"] == ["press"]
    await stage.api.patch(f"/projects/{stage.project_id}/members/bea", json={"roles": []}, headers=ANY)
    assert (await stage.api.delete(f"{roles}/press")).status_code == 204
    assert [role["name"] for role in (await stage.api.get(roles)).json()["data"]] == ["editor"]


async def test_of_two_who_take_one_task_at_once_one_gets_it(stage: Stage) -> None:
    tasks = await at_work(stage, "read")
    path = f"/tasks/{tasks['read']}/select"
    answers = await asyncio.gather(*(say(stage, path, member=key) for key in ("ana", "bea") for _ in range(3)))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409, 409, 409]
    winner = next(body for status, body in answers if status == 200)["assignee"]["key"]
    assert await log_of(stage, tasks["read"]) == [("assigned", "ready", "assigned", winner)]


async def test_nobody_takes_a_task_while_being_fired(stage: Stage) -> None:
    keys = [f"t{n}" for n in range(6)]
    tasks = await at_work(stage, *keys)
    fire = say(stage, f"/projects/{stage.project_id}/members/ana/fire")
    selections = [say(stage, f"/tasks/{task_id}/select", member="ana") for task_id in tasks.values()]
    await asyncio.gather(*selections[:3], fire, *selections[3:])
    page = (await stage.api.get(f"/projects/{stage.project_id}/tasks")).json()
    assert {(task["status"], task["assignee"] and task["assignee"]["key"]) for task in page["data"]} == {
        ("ready", None)
    }


async def test_an_attempt_that_was_asked_back_and_is_then_not_wanted_is_withdrawn_last(stage: Stage) -> None:
    await stage.team(agent("press"))
    run = await stage.start(await stage.plan(command_task("build")))

    await say(stage, f"/runs/{run}/pause")
    await say(stage, f"/projects/{stage.project_id}/members/press/fire")

    [recalled], [withdrawn] = await stage.said("dispatch.recalled.v1"), await stage.said("dispatch.withdrawn.v1")
    assert recalled.attempt_id == withdrawn.attempt_id
    assert recalled.sequence < withdrawn.sequence  # else the executor would take it for older, and keep the attempt
