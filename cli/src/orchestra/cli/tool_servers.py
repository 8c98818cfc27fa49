"""`orchestra tools`: servers of tools for agents."""

from typing import Any
from urllib.parse import quote

from orchestra.cli.answers import print_json, print_list
from orchestra.cli.api import Api
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit
from orchestra.cli.find_project import path_of
from orchestra.cli.models import read_secret
from orchestra.cli.moments import moment
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings

MCP = "mcp:"


async def ls(settings: CliSettings, project: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        found = [{"of": "the operator", **each} for each in (await api.get("/tool-servers"))["data"]]
        if project is not None or len(await api.all("/projects", archived=False)) == 1:
            own = (await api.get(f"{await path_of(api, project)}/tool-servers"))["data"]
            found += [{"of": "the project", **each, "name": MCP + each["name"]} for each in own]
    return print_list(
        found,
        ("Tools", "Of", "Address", "Now"),
        lambda each: (each["name"], each["of"], each.get("url", ""), _now(each)),
        as_json=as_json,
        none="no servers of tools: `orchestra tools set NAME URL`, or a file in ORCHESTRA_TOOL_SERVERS_FILE",
    )


async def set_server(settings: CliSettings, project: str | None, name: str, url: str, *, with_token: bool) -> Exit:
    token = read_secret(f"token for {name}") if with_token else None
    async with connected(settings) as api:
        await api.put(await _path(api, project, name), {"url": url, "token": token})
    Screen().note(f"kept; `orchestra tools test {name}` tries it")
    return Exit.OK


async def test(settings: CliSettings, project: str | None, name: str, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        told = await api.post(f"{await _path(api, project, name)}/test", {})
    if as_json:
        print_json(told)
    else:
        _show(name, told)
    return Exit.OK if told["ok"] else Exit.FAILED


async def remove(settings: CliSettings, project: str | None, name: str) -> Exit:
    async with connected(settings) as api:
        await api.delete(await _path(api, project, name))
    return Exit.OK


def _show(name: str, told: dict[str, Any]) -> None:
    screen = Screen()
    screen.say(f"{name}: {told['detail']}", "green" if told["ok"] else "red")
    if told["tools"]:
        screen.table(
            ("Tool", "Changes", "May be called twice"),
            ((each["name"], _changes(each["effect"]), "yes" if each["repeatable"] else "no") for each in told["tools"]),
        )
    for each in told["left_out"]:
        screen.note(f"left out: {each}")


def _changes(effect: str) -> str:
    return "nothing" if effect == "none" else "something outside"


def _now(server: dict[str, Any]) -> str:
    if "available" in server:
        return ("yes: " if server["available"] else "no: ") + server["detail"]
    used = moment(server["last_used_at"]) if server["last_used_at"] else "never"
    return f"{'with' if server['has_token'] else 'without'} a token; last used {used}"


async def _path(api: Api, project: str | None, name: str) -> str:
    return f"{await path_of(api, project)}/tool-servers/{quote(name, safe='')}"
