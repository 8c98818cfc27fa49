"""`orchestra runs`: what there is, and one as it stands."""

from typing import Any

from orchestra.cli.answers import print_json, print_list
from orchestra.cli.api import Api
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.journey import ENDED
from orchestra.cli.moments import moment, times, wait
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings


async def ls(settings: CliSettings, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        runs = await api.all("/runs")
    return print_list(
        runs,
        ("Run", "Status", "Done", "Created"),
        lambda r: (r["id"], r["status"], f"{r['totals'].get('done', 0)}/{sum(r['totals'].values())}", r["created_at"]),
        as_json=as_json,
        none="no runs yet: orchestra run FILE",
    )


async def show(settings: CliSettings, run_id: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        run = await find_run(api, run_id)
        tasks = await api.all(f"/runs/{run['id']}/tasks")
        schedules = await api.all(f"/projects/{run['project_id']}/schedules")
        schedule = await api.get(f"/projects/{run['project_id']}/schedule") if schedules else None
    if as_json:
        return print_json({**run, "tasks": tasks, "schedule": schedule})
    screen = Screen()
    screen.say(f"{run['id']}: {run['status']}" + (f" ({run['cause']})" if run["cause"] else ""))
    if run["forked_from"]:
        screen.say(f"It goes on from {run['forked_from']}.")
    if run["status"] == "accepted" and run["start_at"]:
        screen.say(f"It begins {moment(run['start_at'])}.")
    if run["deadline"] and run["status"] not in ENDED:
        screen.say(f"It is cancelled if it is open {moment(run['deadline'])}.")
    rows = [(t["key"], t["status"], _who(t), tries(t), _title(t)) for t in tasks]
    screen.table(("Task", "Status", "Who", "Attempts", "Title"), rows)
    if schedule is not None:
        screen.schedule(schedule, {task["key"]: task["status"] for task in tasks})
    screen.waiting(run)
    if number := run["open_checkpoints"]:
        are_open = "1 checkpoint is open" if number == 1 else f"{number} checkpoints are open"
        screen.say("")
        screen.say(f"{are_open}: orchestra checkpoint ls", "yellow")
    return Exit.OK


async def find_run(api: Api, run_id: str | None) -> dict[str, Any]:
    """The run of this id, else the newest."""
    if run_id is not None:
        return await api.get(f"/runs/{run_id}")
    newest = (await api.get("/runs", limit=1))["data"]
    if not newest:
        raise Stop(Exit.NOT_FOUND, "there is no run yet")
    return newest[0]


def tries(task: dict[str, Any]) -> str:
    """How many attempts it had, or that another run did it."""
    return "adopted" if task["adopted_from"] else str(task["attempts"] or "")


def _who(task: dict[str, Any]) -> str:
    member = task["assignee"] or task["planned_member"]
    return member["name"] if member else wait(task)


def _title(task: dict[str, Any]) -> str:
    said = [text for text in ("late" if task["late"] else "", times(task)) if text]
    return task["title"] + (f" ({'; '.join(said)})" if said else "")
