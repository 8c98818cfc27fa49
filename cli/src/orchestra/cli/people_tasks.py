"""`orchestra task take`, `start`, `report`, `abandon`, `remove-assignee` and `log`: people and their tasks."""

from collections.abc import Mapping
from typing import Any

from orchestra.cli.answers import print_json, print_list
from orchestra.cli.api import Api
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.find_project import path_of
from orchestra.cli.moments import moment
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings


async def say(
    settings: CliSettings, task: str, project: str | None, verb: str, body: Mapping[str, Any], *, as_json: bool
) -> Exit:
    async with connected(settings) as api:
        found = await _find(api, task, project)
        said = await api.post(f"/tasks/{found['id']}/{verb}", {k: v for k, v in body.items() if v not in (None, "")})
    if as_json:
        return print_json(said)
    who = f", {said['assignee']['name']} has it" if said["assignee"] else ""
    far = f", {said['progress']} %" if said["progress"] else ""
    Screen().say(f"{said['key']} is {said['status']}{who}{far}")
    return Exit.OK


async def log(settings: CliSettings, task: str | None, project: str | None, *, as_json: bool) -> Exit:
    """Of one task, or of all tasks of the project."""
    async with connected(settings) as api:
        where = f"/tasks/{(await _find(api, task, project))['id']}" if task else await path_of(api, project)
        entries = await api.all(f"{where}/log")
    return print_list(
        entries,
        ("At", "Task", "What", "State", "Member", "Why"),
        lambda e: (
            moment(e["at"]),
            e["task_key"],
            e["kind"],
            e["after"] if e["before"] == e["after"] else f"{e['before']} → {e['after']}",
            e["member"]["name"] if e["member"] else "",
            (f"{e['percent']} % " if e["percent"] is not None else "") + e["text"],
        ),
        as_json=as_json,
    )


async def _find(api: Api, task: str, project: str | None) -> dict[str, Any]:
    """A task by its id, or by its key among those of the project's newest plan that has it."""
    if task.startswith("tsk_"):
        return await api.get(f"/tasks/{task}")
    tasks = await api.all(f"{await path_of(api, project)}/tasks")
    found = [each for each in tasks if each["key"] == task]
    if not found:
        raise Stop(Exit.NOT_FOUND, f"there is no task {task}; there are {', '.join(t['key'] for t in tasks) or 'none'}")
    return found[-1]
