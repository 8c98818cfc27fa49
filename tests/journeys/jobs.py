"""Jobs that journeys are made of: the example's, and small ones of commands alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.system import System, eventually

from orchestra.cli.api import Api
from orchestra.cli.inputs import Inputs, read_inputs
from orchestra.cli.journey import propose

GUIDE = Path(__file__).parents[2] / "examples/estuary-guide"
ENDED = ("finished", "failed", "cancelled")
DOCUMENT = "# Job\n\n## Requirements\n\n- [R1] The work must be done.\n"


def guide() -> Inputs:
    return read_inputs(str(GUIDE / "requirements.md"), GUIDE / "team.yaml", GUIDE / "plan.yaml")


def commands(*tasks: Mapping[str, Any], slots: int = 4) -> Inputs:
    """A plan of these tasks, for a team of one machine and one person."""
    machine = {"id": "machine", "name": "Machine", "kind": "agent", "roles": [], "tools": ["python3"], "slots": slots}
    team = {"members": [{"id": "ana", "name": "Ana", "roles": []}, machine]}
    return Inputs("job.md", DOCUMENT, team=team, plan={"tasks": list(tasks)})


def python(key: str, code: str, *, after: Sequence[str] = (), **command: Any) -> dict[str, Any]:
    """A task that runs these lines."""
    wanted = {"argv": ["python3", "-c", code], "tools": ["python3"], **command}
    return {"id": key, "title": key, "covers": ["R1"], "minutes": 1, "after": list(after), "command": wanted}


def by_hand(key: str, *, after: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """A task for a person."""
    return {"id": key, "title": key, "covers": ["R1"], "minutes": 60, "after": list(after), **more}


async def start(api: Api, inputs: Inputs) -> dict[str, Any]:
    """The run of the plan that these inputs come to. It is asked for before the approved plan can have been applied."""
    plan = await propose(api, inputs)
    await api.post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]})
    return await api.post(f"/projects/{plan['project_id']}/runs", {"plan_id": plan["id"], "hash": plan["hash"]})


async def stopped(api: Api, run_id: str) -> dict[str, Any]:
    """The run, once it has ended or cannot go on without a person."""

    async def look() -> dict[str, Any] | None:
        run = await api.get(f"/runs/{run_id}")
        # Who is asked follows from the schedule, a moment later.
        waits = run["status"] == "waiting" and run["waiting_for"] and run["schedule_is_current"]
        return run if waits or run["status"] in ENDED else None

    found = await eventually(look)
    assert found is not None
    return found


async def tasks_of(api: Api, run_id: str) -> dict[str, dict[str, Any]]:
    """By key."""
    return {task["key"]: task for task in await api.all(f"/runs/{run_id}/tasks")}


@dataclass(frozen=True)
class Finished:
    """The example's run when people were first waited for, and all of it at its end."""

    paused: dict[str, Any]
    paused_tasks: dict[str, dict[str, Any]]
    done_by_people: tuple[str, ...]
    """Keys, in the order in which they were asked for."""
    run: dict[str, Any]
    tasks: dict[str, dict[str, Any]]

    def outputs(self) -> dict[str, dict[str, str]]:
        return {key: {o["path"]: o["sha256"] for o in task["outputs"]} for key, task in self.tasks.items()}

    def assignees(self) -> dict[str, str]:
        return {key: task["assignee"]["key"] for key, task in self.tasks.items()}


async def finished_guide(system: System) -> Finished:
    """The example from its files to its end, its people doing what they are asked for."""
    if "guide" not in system.remembered:
        async with system.api() as api:
            system.remembered["guide"] = await _finish_guide(api)
    return system.remembered["guide"]


async def _finish_guide(api: Api) -> Finished:
    run = paused = await stopped(api, (await start(api, guide()))["id"])
    paused_tasks = await tasks_of(api, run["id"])
    asked: list[str] = []
    while run["waiting_for"]:
        for each in run["waiting_for"]:
            asked.append(each["key"])
            await api.post(f"/tasks/{each['task_id']}/complete", {"member": each["member"]["key"]})
        run = await stopped(api, run["id"])
    return Finished(paused, paused_tasks, tuple(asked), run, await tasks_of(api, run["id"]))
