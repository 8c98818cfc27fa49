"""What people decide: which plan, whether to go on, and that a repeated word counts once."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from tests.journeys.jobs import by_hand, commands, python, start, stopped, tasks_of
from tests.system import System, eventually

from orchestra.cli.api import Api
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.journey import propose

ANOTHER_HASH = "0" * 64


def processes_with(marker: str) -> list[int]:
    """Those that have it among their arguments, wherever they are confined."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:  # it has ended meanwhile
            continue
    return found


async def test_approving_with_another_hash_is_refused_and_nothing_runs(api: Api) -> None:
    plan = await propose(api, commands(python("only", "print('never')")))

    with pytest.raises(Stop) as refused:
        await api.post(f"/plans/{plan['id']}/approve", {"hash": ANOTHER_HASH})

    assert refused.value.code == Exit.CONFLICT
    assert ANOTHER_HASH in str(refused.value) or plan["hash"] in str(refused.value)
    assert (await api.get(f"/plans/{plan['id']}"))["status"] == "proposed"
    assert await api.all(f"/projects/{plan['project_id']}/tasks") == []
    assert await api.all("/runs", project_id=plan["project_id"]) == []
    kinds = [e["kind"] for e in await api.all("/feed", after=0) if e["project_id"] == plan["project_id"]]
    assert "plan.approved.v1" not in kinds


async def test_a_run_of_another_hash_than_the_approved_one_is_refused(api: Api) -> None:
    plan = await propose(api, commands(python("only", "print('never')")))
    await api.post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]})

    async def applied() -> bool:
        return (await api.get(f"/plans/{plan['id']}"))["status"] == "applied"

    await eventually(applied)
    with pytest.raises(Stop) as refused:
        await api.post(f"/projects/{plan['project_id']}/runs", {"plan_id": plan["id"], "hash": ANOTHER_HASH})

    assert refused.value.code == Exit.CONFLICT
    assert await api.all("/runs", project_id=plan["project_id"]) == []


async def test_a_cancelled_run_leaves_no_process_and_is_cancelled_once(api: Api) -> None:
    marker = uuid4().hex
    sleeper = python("sleeper", f"import time; time.sleep(600)  # {marker}")
    run = await start(api, commands(sleeper, python("behind", "print('never')", after=["sleeper"])))

    async def started() -> bool:
        return bool(processes_with(marker))

    await eventually(started)
    cancelled = await api.post(f"/runs/{run['id']}/cancel", {})
    assert cancelled["status"] == "cancelled"

    async def gone() -> bool:
        return not processes_with(marker)

    await eventually(gone)
    again = await api.post(f"/runs/{run['id']}/cancel", {})
    assert (again["status"], again["epoch"], again["ended_at"]) == ("cancelled", 1, cancelled["ended_at"])
    assert {key: task["status"] for key, task in (await tasks_of(api, run["id"])).items()} == {
        "sleeper": "cancelled",
        "behind": "cancelled",
    }

    async def ended_attempts() -> list[str]:
        return [a["failure"] for a in await api.all("/attempts", run_id=run["id"]) if a["status"] == "failed"]

    assert await eventually(ended_attempts) == ["cancelled"]

    async def told() -> bool:
        entries = await api.all("/feed", after=0, run_id=run["id"])
        ends = [e for e in entries if e["kind"] == "run.changed.v1" and e["data"]["status"] == "cancelled"]
        assert len(ends) <= 1
        return len(ends) == 1

    await eventually(told)


async def test_the_same_idempotency_key_starts_one_run(system: System, api: Api) -> None:
    plan = await propose(api, commands(python("only", "print('once')")))
    await api.post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]})
    path, body = f"/api/v1/projects/{plan['project_id']}/runs", {"plan_id": plan["id"], "hash": plan["hash"]}
    key = {"Idempotency-Key": uuid4().hex}

    async with system.client() as client:
        answers = await asyncio.gather(*(client.post(path, json=body, headers=key) for _ in range(5)))
        answers.append(await client.post(path, json=body, headers=key))
        reused = await client.post(path, json=body | {"retries": 3}, headers=key)
        without = await client.post(path, json=body)

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == len(answers) - 1
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency-key-reused")
    assert without.status_code == 409
    [run] = await api.all("/runs", project_id=plan["project_id"])
    assert (await stopped(api, run["id"]))["status"] == "finished"
    assert len(await api.all("/attempts", run_id=run["id"])) == 1


async def test_only_the_assignee_can_say_that_a_task_is_done_and_only_once(api: Api) -> None:
    run = await stopped(api, (await start(api, commands(by_hand("read"), by_hand("sign", after=["read"]))))["id"])
    [waiting] = run["waiting_for"]
    assert (waiting["key"], waiting["member"]["key"]) == ("read", "ana")
    path = f"/tasks/{waiting['task_id']}/complete"

    with pytest.raises(Stop) as somebody_else:
        await api.post(path, {"member": "machine"})
    assert (await api.post(path, {"member": "ana"}))["status"] == "done"
    with pytest.raises(Stop) as again:
        await api.post(path, {"member": "ana"})

    assert (somebody_else.value.code, again.value.code) == (Exit.POLICY, Exit.CONFLICT)
    assert [each["key"] for each in (await stopped(api, run["id"]))["waiting_for"]] == ["sign"]
