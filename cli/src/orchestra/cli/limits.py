"""`orchestra limit`: what a workspace has in flight at a time, and who has which mutex."""

import re
from typing import Any
from urllib.parse import quote

from orchestra.cli.answers import print_json, print_list
from orchestra.cli.api import Api
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.find_project import project_of
from orchestra.cli.moments import moment
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings

_RATE = re.compile(r"(\d{1,6})/(\d{0,6})([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


async def ls(settings: CliSettings, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        limits, mutexes = (await api.get("/limits"))["data"], (await api.get("/mutexes"))["data"]
        projects = {p["id"]: p["name"] for p in await api.all("/projects")} if limits and not as_json else {}
    if as_json:
        return print_json({"limits": limits, "mutexes": mutexes})
    print_list(
        limits,
        ("Scope", "Name", "In flight", "Starts"),
        lambda each: (
            each["scope"],
            projects.get(each["name"], each["name"]) if each["scope"] != "workspace" else "",
            _used(each["in_flight"], each["concurrency"]),
            _starts(each),
        ),
        as_json=False,
        none="no limits: as many commands are in flight as the agents have slots",
    )
    if mutexes:
        Screen().table(
            ("Mutex", "Held by", "Since", "Token"),
            [(m["name"], m["task_key"] or "", moment(m["since"]), str(m["token"])) for m in mutexes],
        )
    return Exit.OK


async def set_limit(
    settings: CliSettings, scope: str, name: str | None, concurrency: int | None, rate: str | None, *, as_json: bool
) -> Exit:
    if concurrency is None and rate is None:
        raise Stop(Exit.USAGE, "give --concurrency, --rate or both")
    body: dict[str, Any] = {"concurrency": concurrency, "rate": _rate(rate) if rate else None}
    async with connected(settings) as api:
        answer = await api.put(await _path(api, scope, name), body)
    if as_json:
        return print_json(answer)
    Screen().note(f"{scope} {name or ''}".strip() + f": {_used(answer['in_flight'], answer['concurrency'])} in flight")
    return Exit.OK


async def remove(settings: CliSettings, scope: str, name: str | None) -> Exit:
    async with connected(settings) as api:
        await api.delete(await _path(api, scope, name))
    return Exit.OK


async def _path(api: Api, scope: str, name: str | None) -> str:
    match scope, name:
        case "workspace", None:
            return "/limits/workspace/all"
        case "project", _:
            return f"/limits/project/{(await project_of(api, name))['id']}"
        case "pool", str() if name:
            return f"/limits/pool/{quote(name, safe='')}"
        case _:
            raise Stop(Exit.USAGE, "say `workspace`, `project [ID or name]` or `pool ROLE`")


def _rate(text: str) -> dict[str, int]:
    found = _RATE.fullmatch(text)
    if not found:
        raise Stop(Exit.USAGE, f"{text!r} is no rate: say 30/60s, 10/1m or 500/1h")
    return {"starts": int(found[1]), "seconds": int(found[2] or 1) * _SECONDS[found[3]]}


def _used(number: int, most: int | None) -> str:
    return f"{number}" if most is None else f"{number} of {most}"


def _starts(limit: dict[str, Any]) -> str:
    rate = limit["rate"]
    if rate is None:
        return ""
    later = f", next {moment(limit['next_at'])}" if limit["next_at"] else ""
    return f"{limit['started']} of {rate['starts']} in {rate['seconds']} s{later}"
