"""`orchestra agent`: who there is, and who may do what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import quote

from orchestra.cli.answers import print_json, print_list
from orchestra.cli.budgets import shown
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.moments import moment
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings
from orchestra.contracts.machine_work import AgentKind


@dataclass(frozen=True)
class Wanted:
    """As it was typed; None where nothing was."""

    type: str | None
    kinds: list[str] | None
    capabilities: list[str] | None
    model: str | None
    tools: list[str] | None
    concurrency: int | None
    outside: bool | None
    new_token: bool

    @property
    def body(self) -> dict[str, Any]:
        said: dict[str, Any] = {"type": self.type, "concurrency": self.concurrency, "outside": self.outside}
        body = {name: value for name, value in said.items() if value is not None}
        if self.model is not None:
            body["model"] = None if self.model == "none" else self.model
        for name, words in (("kinds", self.kinds), ("capabilities", self.capabilities), ("tools", self.tools)):
            if words:
                body[name] = _listed(words)
        return body | ({"new_token": True} if self.new_token else {})


async def ls(settings: CliSettings, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        agents = await api.all("/agents")
    return print_list(
        agents,
        ("Name", "Type", "State", "Standing", "In hand", "Success", "Kinds", "Model"),
        lambda each: (
            each["name"],
            each["type"],
            each["state"],
            each["standing"],
            f"{each['load']['held']} of {each['concurrency']}",
            _share(each["results"]["success"]),
            _kinds(each["kinds"]),
            each["model"] or "by the task",
        ),
        as_json=as_json,
    )


async def inspect(settings: CliSettings, name: str, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        agent = await api.get(_path(name))
    if as_json:
        return print_json(agent)
    screen = Screen()
    screen.say(f"{agent['name']}: {agent['type']}, {agent['state']}, {agent['standing']}")
    for label, value in _facts(agent):
        screen.say(f"  {label}: {value}")
    measured = [("all", agent["results"]), *sorted(agent["by_kind"].items())]
    screen.table(
        ("Work", "Done", "In part", "Gaps", "Failed", "Success", "Quality", "Cost", "Time"),
        [_measured(kind, results) for kind, results in measured],
    )
    return Exit.OK


async def set_(settings: CliSettings, name: str, wanted: Wanted, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        agent = await api.put(_path(name), wanted.body)
    if as_json:
        return print_json(agent)
    Screen().note(f"{name}: {agent['type']}, {agent['state']}, {agent['concurrency']} at a time")
    if agent["token"] is not None:
        Screen().note("its token, which is shown this once; it sends it as X-Agent-Token:")
        print(agent["token"])
    return Exit.OK


async def change(settings: CliSettings, name: str, verb: Literal["pause", "resume", "retire"]) -> Exit:
    async with connected(settings) as api:
        path = _path(name)
        agent = await (api.delete(path) if verb == "retire" else api.post(f"{path}/{verb}", {}))
    Screen().note(f"{name}: {agent['state']}")
    return Exit.OK


def _path(name: str) -> str:
    return f"/agents/{quote(name, safe='')}"


def _listed(words: Sequence[str]) -> list[str] | None:
    """`all` alone is no restriction, `none` alone is nothing."""
    if len(words) > 1 and ({"all", "none"} & set(words)):
        raise Stop(Exit.USAGE, "`all` and `none` stand alone")
    return None if words[0] == "all" else [] if words[0] == "none" else list(words)


def _facts(agent: dict[str, Any]) -> list[tuple[str, str]]:
    facts = [
        ("kinds", _kinds(agent["kinds"])),
        ("words", ", ".join(agent["capabilities"])),
        ("model", agent["model"] or "by the task"),
        ("tools", "whatever a task asks for" if agent["tools"] is None else ", ".join(agent["tools"]) or "none"),
        ("in hand", f"{agent['load']['held']} of {agent['concurrency']} ({agent['load']['level']})"),
    ]
    if agent["outside"]:
        last = agent["last_heartbeat_at"]
        facts.append(("outside, last heard", moment(last) if last else "never"))
    if agent["built_in"]:
        facts.append(("built in", "until the first agent is registered"))
    return [(label, value) for label, value in facts if value]


def _kinds(kinds: Sequence[str]) -> str:
    return "all" if set(kinds) == set(get_args(AgentKind)) else ", ".join(kinds)


def _measured(kind: str, results: dict[str, Any]) -> tuple[str, ...]:
    counts = (str(results[name]) for name in ("done", "partial", "gaps", "failed"))
    shares = (_share(results[name]) for name in ("success", "quality"))
    return (kind, *counts, *shares, shown("micros", results["cost_micros"]), f"{results['duration_ms'] / 1000:,.0f} s")


def _share(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f} %"
