"""`orchestra member`, `role` and `workload`: who works on a project, and what they have in hand."""

from collections.abc import Mapping
from typing import Any

from orchestra.cli.answers import print_json, print_list
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.find_project import path_of
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings


async def ls(settings: CliSettings, project: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        members = await api.all(f"{await path_of(api, project)}/members")
    return print_list(
        members,
        ("Member", "Name", "", "Roles", "Seniority", "Capacity", "Slots"),
        lambda m: (
            m["id"],
            m["name"],
            _kind(m),
            ", ".join(m["roles"]),
            m["seniority"],
            f"{m['capacity']:g}",
            str(m["slots"]),
        ),
        as_json=as_json,
        none="nobody yet: orchestra member add ID --name NAME",
    )


async def show(settings: CliSettings, project: str | None, key: str, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        base = await path_of(api, project)
        member = await api.get(f"{base}/members/{key}")
        loads = [load for load in await api.all(f"{base}/workload") if load["id"] == key]
    return _member(member, loads, as_json=as_json)


async def add(settings: CliSettings, project: str | None, fields: Mapping[str, Any], *, as_json: bool) -> Exit:
    body = {name: value for name, value in fields.items() if value not in (None, [])}
    async with connected(settings) as api:
        member = await api.post(f"{await path_of(api, project)}/members", body)
    return _member(member, [], as_json=as_json)


async def edit(
    settings: CliSettings, project: str | None, key: str, fields: Mapping[str, Any], *, as_json: bool
) -> Exit:
    change = {name: value for name, value in fields.items() if value not in (None, [])}
    if not change:
        raise Stop(Exit.USAGE, "nothing to change: see `orchestra member edit -h`")
    async with connected(settings) as api:
        member = await api.edit(f"{await path_of(api, project)}/members/{key}", lambda _: ("PATCH", change))
    return _member(member, [], as_json=as_json)


async def days_off(
    settings: CliSettings, project: str | None, key: str, stretch: Mapping[str, str], *, back: bool, as_json: bool
) -> Exit:
    async with connected(settings) as api:
        path = f"{await path_of(api, project)}/members/{key}/days-off"
        member = await (api.delete(path, **stretch) if back else api.post(path, stretch))
    return _member(member, [], as_json=as_json)


async def leave(
    settings: CliSettings, project: str | None, key: str, verb: str, body: Mapping[str, str], *, as_json: bool
) -> Exit:
    """`fire` or `resign`."""
    async with connected(settings) as api:
        left = await api.post(f"{await path_of(api, project)}/members/{key}/{verb}", body)
    if as_json:
        return print_json(left)
    tasks = ", ".join(task["key"] for task in left["returned"]) or "none"
    Screen().say(f"{key} {'was fired' if verb == 'fire' else 'resigned'}; tasks that went back: {tasks}")
    return Exit.OK


async def workload(settings: CliSettings, project: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        loads = await api.all(f"{await path_of(api, project)}/workload")
    return print_list(
        loads,
        ("Member", "Workload", "Points", "Ratio", "Left", "Tasks"),
        lambda load: (
            load["name"],
            load["band"],
            f"{load['score']:g} of {load['capacity']:g}",
            f"{load['ratio']:.2f}",
            str(load["points_left"]),
            ", ".join(task["key"] for task in load["tasks"]),
        ),
        as_json=as_json,
    )


async def roles(settings: CliSettings, project: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        found = await api.all(f"{await path_of(api, project)}/roles")
    return print_list(
        found,
        ("Role", "Members", "Open tasks"),
        lambda role: (role["name"], ", ".join(role["members"]), str(len(role["tasks"]) or "")),
        as_json=as_json,
    )


async def change_role(settings: CliSettings, project: str | None, verb: str, name: str, new_name: str = "") -> Exit:
    """`add`, `rename` or `rm`."""
    async with connected(settings) as api:
        path = f"{await path_of(api, project)}/roles"
        match verb:
            case "add":
                await api.post(path, {"name": name})
            case "rename":
                await api.post(f"{path}/{name}/rename", {"name": new_name})
            case _:
                await api.delete(f"{path}/{name}")
    done = {"add": "was added", "rename": f"is called {new_name} now", "rm": "was removed"}[verb]
    Screen().say(f"{name} {done}")
    return Exit.OK


def _member(member: dict[str, Any], loads: list[dict[str, Any]], *, as_json: bool) -> Exit:
    if as_json:
        return print_json({**member, **({"workload": loads[0]} if loads else {})})
    screen = Screen()
    screen.say(f"{member['name']} ({member['id']}), {_kind(member) or 'person'}, {member['seniority']}", "bold")
    screen.say(f"Roles: {', '.join(member['roles']) or 'none'}")
    screen.say(f"Capacity {member['capacity']:g}, {member['slots']} at a time")
    if member["agent"]:
        screen.say(f"Does work for AI agents, by {member['agent']}")
    if member["zone"] or member["days"] or member["hours"]:
        hours = (member["zone"], ", ".join(member["days"] or ()), ", ".join(member["hours"] or ()))
        screen.say("Hours: " + "; ".join(each for each in hours if each))
    for away in member["absences"]:
        until = f" to {away['last']}" if away["last"] != away["first"] else ""
        screen.say(f"Away {away['first']}{until}" + (f": {away['reason']}" if away["reason"] else ""))
    for load in loads:
        screen.say(f"Workload: {load['band']} ({load['ratio']:.2f}), {load['points_left']} points left")
        screen.say(f"In hand: {', '.join(task['key'] for task in load['tasks']) or 'nothing'}")
    return Exit.OK


def _kind(member: dict[str, Any]) -> str:
    return "project manager" if member["manager"] else "agent" if member["kind"] == "agent" else ""
