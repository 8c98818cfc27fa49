"""`orchestra runs`: what there is, and one as it stands."""

import json
from typing import Any

from orchestra.cli.api import Api
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings


async def ls(settings: CliSettings, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        runs = await api.all("/runs")
    if as_json:
        print(json.dumps(runs, indent=2))
        return Exit.OK
    screen = Screen()
    if not runs:
        screen.note("no runs yet: orchestra run FILE")
        return Exit.OK
    rows = [
        (run["id"], run["status"], f"{run['totals'].get('done', 0)}/{sum(run['totals'].values())}", run["created_at"])
        for run in runs
    ]
    screen.table(("Run", "Status", "Done", "Created"), rows)
    return Exit.OK


async def show(settings: CliSettings, run_id: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        run = await find_run(api, run_id)
        tasks = await api.all(f"/runs/{run['id']}/tasks")
        schedules = await api.all(f"/projects/{run['project_id']}/schedules")
        schedule = await api.get(f"/projects/{run['project_id']}/schedule") if schedules else None
    if as_json:
        print(json.dumps({**run, "tasks": tasks, "schedule": schedule}, indent=2))
        return Exit.OK
    screen = Screen()
    screen.say(f"{run['id']}: {run['status']} ({run['cause']})")
    rows = [(t["key"], t["status"], _who(t), str(t["attempts"] or ""), t["title"]) for t in tasks]
    screen.table(("Task", "Status", "Who", "Attempts", "Title"), rows)
    if schedule is not None:
        screen.schedule(schedule, {task["key"]: task["status"] for task in tasks})
    screen.waiting(run)
    return Exit.OK


async def find_run(api: Api, run_id: str | None) -> dict[str, Any]:
    """The run of this id, else the newest."""
    if run_id is not None:
        return await api.get(f"/runs/{run_id}")
    newest = (await api.get("/runs", limit=1))["data"]
    if not newest:
        raise Stop(Exit.NOT_FOUND, "there is no run yet")
    return newest[0]


def _who(task: dict[str, Any]) -> str:
    member = task["assignee"] or task["planned_member"]
    return member["name"] if member else ""
