"""`orchestra project`: what there is, one as it stands, and what becomes of it."""

from pathlib import Path
from typing import Any

from orchestra.cli.answers import print_json, print_list
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.find_project import project_of
from orchestra.cli.moments import moment
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings


async def ls(settings: CliSettings, *, archived: bool, as_json: bool) -> Exit:
    async with connected(settings) as api:
        projects = await api.all("/projects", **({} if archived else {"archived": False}))
    return print_list(
        projects,
        ("Project", "Name", "Created", ""),
        lambda p: (p["id"], p["name"], moment(p["created_at"]), "archived" if p["archived_at"] else ""),
        as_json=as_json,
        none="no projects yet: orchestra project create NAME",
    )


async def create(settings: CliSettings, name: str, description: str, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        project = await api.post("/projects", {"name": name, "description": description})
    return _shown(project, "created", as_json=as_json)


async def show(settings: CliSettings, wanted: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        project = await project_of(api, wanted)
        base = f"/projects/{project['id']}"
        plans = await api.all(f"{base}/plans")
        runs = await api.all("/runs", project_id=project["id"])
        members = await api.all(f"{base}/members")
        schedules = (await api.get(f"{base}/schedules", limit=1))["data"]
    schedule = schedules[0] if schedules else None
    if as_json:
        return print_json({**project, "plans": plans, "runs": runs, "members": members, "schedule": schedule})
    screen = Screen()
    screen.say(f"{project['name']} ({project['id']})", "bold")
    if project["description"]:
        screen.say(project["description"])
    screen.say(f"Created {moment(project['created_at'])}")
    if project["archived_at"]:
        screen.say(f"In the archive since {moment(project['archived_at'])}", "yellow")
    for plan in plans[-3:]:
        screen.say(f"Plan {plan['version'] or '–'}: {plan['status']}, of {plan['document_name']} ({plan['id']})")
    for run in runs[:3]:
        done, of = run["totals"].get("done", 0), sum(run["totals"].values())
        screen.say(f"Run {run['id']}: {run['status']}, {done} of {of} tasks done")
    if schedule:
        screen.say(f"Ends {moment(schedule['project_end']) or 'nobody knows when'} (schedule {schedule['version']})")
    people = sum(member["kind"] == "person" for member in members)
    screen.say(f"Team: {people} people, {len(members) - people} agents")
    return Exit.OK


async def edit(settings: CliSettings, wanted: str, name: str | None, description: str | None, *, as_json: bool) -> Exit:
    change: dict[str, Any] = {k: v for k, v in (("name", name), ("description", description)) if v is not None}
    if not change:
        raise Stop(Exit.USAGE, "nothing to change: give --name or --description")
    async with connected(settings) as api:
        project = await project_of(api, wanted)
        edited = await api.edit(f"/projects/{project['id']}", lambda _: ("PATCH", change))
    return _shown(edited, "changed", as_json=as_json)


async def file(settings: CliSettings, wanted: str, verb: str, *, as_json: bool) -> Exit:
    """`archive` or `unarchive`."""
    async with connected(settings) as api:
        project = await project_of(api, wanted)
        filed = await api.post(f"/projects/{project['id']}/{verb}", {})
    return _shown(filed, "in the archive" if verb == "archive" else "out of the archive", as_json=as_json)


async def export(settings: CliSettings, wanted: str | None, out: Path | None, *, artifacts: bool) -> Exit:
    async with connected(settings) as api:
        project = await project_of(api, wanted)
        to = out or Path(f"{project['id']}.zip")
        size = await api.save(f"/projects/{project['id']}/export", to, artifacts=artifacts)
    Screen().say(f"{to}: {project['name']}, {size:,} bytes")
    return Exit.OK


def _shown(project: dict[str, Any], what: str, *, as_json: bool) -> Exit:
    if as_json:
        return print_json(project)
    Screen().say(f"{project['id']}: {project['name']} is {what}")
    return Exit.OK
