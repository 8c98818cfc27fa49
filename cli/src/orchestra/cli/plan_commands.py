"""`orchestra plan`, and edits of a plan: what there is, what changes, and the decision."""

import asyncio
import json
from pathlib import Path
from typing import Any

import yaml

from orchestra.cli.answers import print_json, print_list
from orchestra.cli.api import Api
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.inputs import read_inputs
from orchestra.cli.journey import POLL_S, propose
from orchestra.cli.run_queries import find_run
from orchestra.cli.screen import Screen, dependency
from orchestra.cli.settings import CliSettings

EXPORTED = (
    "title",
    "covers",
    "points",
    "minutes",
    "role",
    "priority",
    "criteria",
    "command",
    "agent",
    "start_at",
    "deadline",
    "wait",
)


async def create(
    settings: CliSettings,
    document: str,
    team: Path | None,
    plan: Path | None,
    project: str | None,
    by: str | None,
    *,
    as_json: bool,
) -> Exit:
    """Propose it in a new project, or for the one that is named."""
    inputs = read_inputs(document, team, plan)
    async with connected(settings) as api:
        proposed = await propose(api, inputs, project, by=by)
    return _shown(proposed, as_json=as_json)


async def ls(settings: CliSettings, project: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        plans = await api.all(f"/projects/{await _project(api, project)}/plans")
    return print_list(
        plans,
        ("Plan", "Version", "Status", "Hash", "Created"),
        lambda p: (p["id"], str(p["version"] or ""), p["status"], (p["hash"] or "")[:12], p["created_at"]),
        as_json=as_json,
    )


async def show(settings: CliSettings, plan: str | None, project: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        found = await _find(api, plan, project)
    return _shown(found, as_json=as_json)


async def diff(
    settings: CliSettings, plan: str | None, against: str | None, project: str | None, *, as_json: bool
) -> Exit:
    async with connected(settings) as api:
        found = await _find(api, plan, project)
        told = await api.get(f"/plans/{found['id']}/diff", **({"against": against} if against else {}))
    if as_json:
        return print_json(told)
    show_difference(Screen(), told)
    return Exit.OK


async def approve(settings: CliSettings, plan: str, content_hash: str | None) -> Exit:
    """Approve, and wait until the scheduler has answered."""
    async with connected(settings) as api:
        content_hash = content_hash or (await api.get(f"/plans/{plan}"))["hash"]
        await api.post(f"/plans/{plan}/approve", {"hash": content_hash or ""})
        return await _applied(api, plan)


async def reject(settings: CliSettings, plan: str, reason: str) -> Exit:
    async with connected(settings) as api:
        found = await api.get(f"/plans/{plan}")
        said = await api.post(f"/plans/{plan}/reject", {"hash": found["hash"] or "", "reason": reason})
    Screen().say(f"{plan}: {said['status']}")
    return Exit.OK


async def cancel(settings: CliSettings, plan: str) -> Exit:
    async with connected(settings) as api:
        said = await api.post(f"/plans/{plan}/cancel", {})
    Screen().say(f"{plan}: {said['status']}")
    return Exit.OK


async def export(settings: CliSettings, plan: str | None, project: str | None) -> Exit:
    async with connected(settings) as api:
        found = await _find(api, plan, project)
    tasks = [
        {"id": t["key"]}
        | {name: t[name] for name in EXPORTED if t[name] not in (None, [], "", 0)}
        | ({"after": list(map(_after, t["dependencies"]))} if t["dependencies"] else {})
        for t in found["tasks"]
    ]
    print(yaml.safe_dump({"tasks": tasks}, sort_keys=False, allow_unicode=True), end="")
    return Exit.OK


async def edit(settings: CliSettings, project: str | None, edit: dict[str, Any], *, approve: bool) -> Exit:
    """A new version of the plan that stands, which nobody may have changed since it was read here."""
    screen = Screen()
    async with connected(settings) as api:
        project_id = await _project(api, project)
        _, tag = await api.tagged(f"/projects/{project_id}/plan")
        body = {"edits": [edit], "approve": approve}
        made = await api.post(f"/projects/{project_id}/plans/edits", body, if_match=tag)
        show_difference(screen, await api.get(f"/plans/{made['id']}/diff"))
        if approve:
            return await _applied(api, made["id"])
    screen.say(f"Proposed {made['id']}, version {made['version']}: orchestra plan approve {made['id']}")
    return Exit.OK


def show_difference(screen: Screen, told: dict[str, Any]) -> None:
    """One line a change, and the cost at the end."""
    changes = told["changes"]
    screen.say(f"Version {told['version']} against {told['against_version'] or 'nothing'}:", "bold")
    for sign, name, style in (("+", "added", "green"), ("-", "removed", "red")):
        for task in changes[name]:
            screen.say(f"{sign} {task['key']}: {task['title']}", style)
        for edge in changes[f"dependencies_{name}"]:
            screen.say(f"{sign} {dependency({**edge, 'task': edge['predecessor']})} → {edge['successor']}", style)
    for task in changes["changed"]:
        for field, change in task["fields"].items():
            before, after = (json.dumps(change[end], ensure_ascii=False) for end in ("before", "after"))
            screen.say(f"~ {task['key']}: {field} {before} → {after}", "yellow")
    for kind in ("requirements", "files"):
        for name, change in changes[kind].items():
            sign = "+" if change["before"] is None else "-" if change["after"] is None else "~"
            screen.say(f"{sign} {kind[:-1]} {name}")
    costs = changes["costs"]["difference"]
    screen.say(f"Cost: {costs['points']:+g} points, {costs['minutes']:+d} minutes")


def _shown(plan: dict[str, Any], *, as_json: bool) -> Exit:
    if as_json:
        return print_json(plan)
    screen = Screen()
    screen.plan(plan)
    screen.say(f"{plan['id']}: {plan['status']}")
    return Exit.OK


async def _applied(api: Api, plan_id: str) -> Exit:
    while True:
        plan = await api.get(f"/plans/{plan_id}")
        if plan["status"] == "refused":
            raise Stop(Exit.CONFLICT, "the scheduler refused the plan", [fault["detail"] for fault in plan["faults"]])
        if plan["status"] != "approved":
            Screen().say(f"{plan_id}: {plan['status']}")
            return Exit.OK
        await asyncio.sleep(POLL_S)


async def _project(api: Api, project: str | None) -> str:
    return project or (await find_run(api, None))["project_id"]


async def _find(api: Api, plan: str | None, project: str | None) -> dict[str, Any]:
    return await api.get(f"/plans/{plan}" if plan else f"/projects/{await _project(api, project)}/plan")


def _after(of: dict[str, Any]) -> str | dict[str, Any]:
    """As plan.yaml writes it."""
    if of["kind"] == "FS" and not of["lag_minutes"]:
        return of["task"]
    return {"task": of["task"], "kind": of["kind"], "lag": of["lag_minutes"], "clock": of["clock"]}
