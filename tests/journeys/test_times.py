"""Starts, timers and deadlines, seen from outside: nothing early, nothing lost, nothing that outlives its time."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import update
from tests.journeys.jobs import by_hand, commands, python, start, stopped, tasks_of
from tests.journeys.test_decisions import processes_with
from tests.system import System, eventually, service

from orchestra.cli.api import Api
from orchestra.cli.journey import propose

TASK = service("scheduler").metadata.tables["task"]


def ahead(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def come(system: System, task_id: str, column: str) -> None:
    """An instant that lies ahead is now: a minute is the shortest wait, and a slow machine needs time to begin."""
    async with system.database("scheduler") as database, database.begin() as work:
        await work.connection.execute(update(TASK).where(TASK.c.id == task_id).values({column: work.now}))


async def test_a_start_a_deadline_and_a_timer_that_outlives_its_process(system: System, api: Api) -> None:
    mark, opens = uuid4().hex, ahead(1.5)
    inputs = commands(
        {**python("later", "print('go')"), "start_at": opens},
        {"id": "wait", "title": "wait", "covers": ["R1"], "after": ["later"], "wait": {"minutes": 1}},
        {
            **python("slow", f"import time; print('so far', flush=True); time.sleep(600)  # {mark}"),
            "deadline": ahead(3600),
        },
        {**by_hand("sign", after=["wait"]), "deadline": ahead(0)},
    )
    run = (await start(api, inputs))["id"]

    async def until(**wanted: str) -> dict[str, dict[str, Any]]:
        async def look() -> dict[str, dict[str, Any]] | None:
            tasks = await tasks_of(api, run)
            met = all(key in tasks and tasks[key]["status"] == status for key, status in wanted.items())
            return tasks if met else None

        found = await eventually(look)
        assert found is not None
        return found

    async def at_it() -> bool:
        return bool(processes_with(mark))

    tasks = await until(later="done", wait="running")
    await eventually(at_it)
    tasks = await until(slow="running")  # it is told after a second, and has printed by then
    await come(system, tasks["slow"]["id"], "expires_at")
    tasks = await until(later="done", wait="running", slow="failed")
    assert datetime.fromisoformat(tasks["later"]["started_at"]) >= datetime.fromisoformat(opens)
    ends_at = datetime.fromisoformat(tasks["wait"]["planned_end"])
    assert ends_at == datetime.fromisoformat(tasks["wait"]["started_at"]) + timedelta(minutes=1)
    assert tasks["slow"]["last_failure"]["class"] == "deadline"
    assert (await api.get(f"/runs/{run}"))["status"] == "running"

    async def stopped_with_its_log() -> bool:
        evidence = (await api.get(f"/tasks/{tasks['slow']['id']}"))["evidence"]
        return not processes_with(mark) and evidence is not None and evidence["tail"] == "so far\n"

    await eventually(stopped_with_its_log)

    program = system.programs["up" if system.runtime == "embedded" else "scheduler"]
    program.kill()
    await program.start()
    waiting = tasks["wait"]["id"]
    told = (await api.get(f"/tasks/{waiting}/explain"))["sentence"]
    assert told.startswith("wait is running: it waits until ")
    await come(system, waiting, "ends_at")
    tasks = await until(wait="done", sign="assigned")
    assert tasks["sign"]["late"] is True
    await api.post(f"/tasks/{tasks['slow']['id']}/skip", {})
    await api.post(f"/tasks/{tasks['sign']['id']}/complete", {"member": "ana"})
    assert (await stopped(api, run))["status"] == "finished"
    log = await api.all(f"/tasks/{waiting}/log")
    assert [entry["after"] for entry in log] == ["ready", "running", "done"]


async def test_a_run_begins_at_its_time_and_is_cancelled_at_its_deadline(api: Api) -> None:
    mark = uuid4().hex
    plan = await propose(api, commands(python("slow", f"import time; time.sleep(600)  # {mark}")))
    await api.post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]})
    times = {"start_at": ahead(2), "deadline": ahead(10)}
    body = {"plan_id": plan["id"], "hash": plan["hash"], **times}
    accepted = await api.post(f"/projects/{plan['project_id']}/runs", body)
    assert accepted["status"] == "accepted"
    assert datetime.fromisoformat(accepted["start_at"]) == datetime.fromisoformat(times["start_at"])

    ended = await stopped(api, accepted["id"])
    assert datetime.fromisoformat(ended["started_at"]) >= datetime.fromisoformat(times["start_at"])
    assert datetime.fromisoformat(ended["ended_at"]) >= datetime.fromisoformat(times["deadline"])
    assert (ended["status"], "has passed" in ended["cause"]) == ("cancelled", True)

    async def gone() -> bool:
        return not processes_with(mark)

    await eventually(gone)
