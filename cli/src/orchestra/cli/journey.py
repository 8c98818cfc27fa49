"""The one journey: requirements, plan, approval, run, and where it comes to a stop."""

import asyncio
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from orchestra.cli.api import Api
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.inputs import Inputs, mappings, texts

POLL_S = 0.15
"""Between two looks at what happened; the feed is the same data as the event stream."""

QUIET_S = 0.5
"""Without news after the run has come to a stop: then the last changes have been told."""

AT_ONCE = 2
"""Tasks that the assistant of a plan without a team has at a time."""

ENDED = ("finished", "failed", "cancelled")

Tell = Callable[[dict[str, Any]], None]
"""Called with each entry of the feed."""


@dataclass(frozen=True)
class RunOptions:
    concurrency: int | None = None
    retries: int | None = None
    dry_run: bool = False
    start_at: str | None = None
    deadline: str | None = None


async def propose(api: Api, inputs: Inputs, project_id: str | None = None, *, by: str | None = None) -> dict[str, Any]:
    """The plan that the planner proposes, in a new project or a newer one of that project, whose team stays.

    `by`: `model` or `document` makes it; by default a model where there is one. Raises Stop with every fault when it
    can propose none.
    """
    asked = await ask(api, inputs, project_id, by=by)
    with _in(inputs.plan_path):
        plan = await planned(api, asked["plan_id"])
    if not (inputs.team or inputs.plan or project_id):  # only now it is known which roles the plan needs
        tasks = [{name: value for name, value in task.items() if value is not None} for task in plan["tasks"]]
        await api.put(f"/projects/{plan['project_id']}/team", default_team({"tasks": tasks}))
    return plan


async def ask(api: Api, inputs: Inputs, project_id: str | None = None, *, by: str | None = None) -> dict[str, Any]:
    """Ask for that plan: its id, that of its project, and that of the operation that tells when it is there."""
    project = (
        await api.get(f"/projects/{project_id}") if project_id else await api.post("/projects", {"name": inputs.name})
    )
    if inputs.team or (inputs.plan and not project_id):
        with _in(inputs.team_path):
            await api.put(f"/projects/{project['id']}/team", inputs.team or default_team(inputs.plan))
    for sha256, path in {entry[0]: entry[1] for entry in inputs.files.values()}.items():
        await api.upload(sha256, path)
    request: dict[str, Any] = {"document": inputs.document, "document_name": inputs.name}
    if inputs.plan is not None:
        request |= inputs.plan
        request["files"] = {name: entry[0] for name, entry in inputs.files.items()}
    if by is not None:
        request["mode"] = by
    with _in(inputs.plan_path):
        return {"project_id": project["id"], **await api.post(f"/projects/{project['id']}/plans", request)}


@contextmanager
def _in(path: Path | None) -> Generator[None]:
    """A refusal of what is in the file names the file."""
    try:
        yield
    except Stop as stop:
        if path is None:
            raise
        raise Stop(stop.code, f"{path}: {stop}", stop.faults) from stop


async def planned(api: Api, plan_id: str) -> dict[str, Any]:
    while True:
        plan = await api.get(f"/plans/{plan_id}")
        if plan["status"] == "failed":
            faults = [f"{fault['pointer']}: {fault['detail']}" for fault in plan["faults"]]
            raise Stop(Exit.USAGE, "there is no plan in this", faults)
        if plan["status"] != "requested":
            return plan
        await asyncio.sleep(POLL_S)


async def approve(api: Api, plan: dict[str, Any]) -> dict[str, Any]:
    """Approve exactly this plan; returns the schedule of people and agents that follows."""
    await api.post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]})
    while True:
        if (await api.get(f"/plans/{plan['id']}"))["status"] == "refused":
            raise Stop(Exit.CONFLICT, "the scheduler refused the plan")
        if (await api.get(f"/projects/{plan['project_id']}/schedules", limit=1))["data"]:
            return await api.get(f"/projects/{plan['project_id']}/schedule")
        await asyncio.sleep(POLL_S)


async def start(api: Api, plan: dict[str, Any], options: RunOptions) -> dict[str, Any]:
    """Start the run of an approved plan."""
    body = {"plan_id": plan["id"], "hash": plan["hash"]} | asdict(options)
    body = {name: value for name, value in body.items() if value is not None}
    return await api.post(f"/projects/{plan['project_id']}/runs", body)


async def follow(api: Api, run_id: str, tell: Tell, after: int = 0) -> dict[str, Any]:
    """Until the run cannot go on without a person, or has ended; returns it as it is then."""
    quiet = 0.0
    while True:
        run = await api.get(f"/runs/{run_id}")
        news = await api.all("/feed", after=after, run_id=run_id)
        for entry in news:
            after = max(after, entry["sequence"])
            tell(entry)
        stopped = run["status"] in ENDED or run["status"] in ("waiting", "paused")
        quiet = quiet + POLL_S if stopped and run["schedule_is_current"] and not news else 0.0
        if quiet >= QUIET_S:
            return run
        await asyncio.sleep(POLL_S)


def outcome(run: dict[str, Any], *, until_people: bool) -> Exit:
    """What the command says by its exit code."""
    if run["status"] == "finished":
        return Exit.OK
    if run["status"] in ("waiting", "paused"):
        # A failure that a person's work merely hides is still a failure.
        if run["totals"].get("failed"):
            return Exit.FAILED
        return Exit.OK if until_people else Exit.WAITING
    return Exit.FAILED


def default_team(plan: dict[str, Any] | None) -> dict[str, Any]:
    """For a plan without a team: one person for everything, and one agent on this machine for every command.

    Where there is work for an AI agent, one more member has it done by whichever agent fits.
    """
    tasks = mappings((plan or {}).get("tasks"))
    commands = [task for task in tasks if mappings([task.get("command")])]
    agents = [task for task in tasks if mappings([task.get("agent")])]
    people = [task for task in tasks if not {"command", "agent", "wait"} & task.keys()]
    you = {"id": "you", "name": "You", "roles": _roles(people)}
    machine = {"id": "machine", "name": "This machine", "kind": "agent", "roles": _roles(commands)}
    members = [you, {**machine, "tools": _tools(commands, "command", "tools"), "slots": os.cpu_count() or 2}]
    if agents:
        assistant = {"id": "assistant", "name": "Assistant", "kind": "agent", "agent": "any", "roles": _roles(agents)}
        members.append({**assistant, "tools": _tools(agents, "agent", "commands"), "slots": AT_ONCE})
    return {"members": members}


def _tools(tasks: list[dict[str, Any]], work: str, name: str) -> list[str]:
    return sorted({tool for task in tasks for tool in texts(task[work].get(name))})


def _roles(tasks: list[dict[str, Any]]) -> list[str]:
    return sorted({str(task["role"]) for task in tasks if task.get("role")})
