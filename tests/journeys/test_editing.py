"""A plan is edited by hand while its run goes on: exactly the right work is done, once."""

from collections import Counter
from pathlib import Path

from tests.journeys.jobs import by_hand, commands, python, start, stopped, tasks_of
from tests.journeys.shell import at_gateway
from tests.system import System, eventually

from orchestra.cli.api import Api


async def test_a_run_goes_on_with_a_plan_edited_by_hand(system: System, api: Api, tmp_path: Path) -> None:
    run = await start(
        api,
        commands(
            python("first", "print(1)"),
            by_hand("gate", after=["first"]),
            python("left-out", "print('never')", after=["gate"]),
            python("last", "print(3)", after=["left-out"]),
        ),
    )
    waiting = (await stopped(api, run["id"]))["waiting_for"]
    shell = at_gateway(tmp_path, system)
    project = ("--project", run["project_id"], "--yes")

    async def applied() -> bool:
        return (await api.get(f"/projects/{run['project_id']}/plan"))["status"] == "applied"

    await eventually(applied)
    shell.orchestra(
        "task", "add", "added", "--title", "Added by hand", "--minutes", "1", "--after", "first", *project,
        "--run", "python3", "--run=-c", "--run", "print(2)",
    )  # fmt: skip
    path = f"/projects/{run['project_id']}/plan"
    edits = [
        {"op": "remove_task", "id": "left-out"},
        {"op": "add_dependency", "predecessor": "gate", "successor": "last"},
    ]
    _, tag = await api.tagged(path)
    await api.post(f"{path}s/edits", {"edits": edits, "approve": True}, if_match=tag)
    await eventually(applied)
    await api.post(f"/tasks/{waiting[0]['task_id']}/complete", {"member": "ana"})
    ended = await stopped(api, run["id"])

    assert ended["status"] == "finished"
    assert {key: task["status"] for key, task in (await tasks_of(api, run["id"])).items()} == {
        "first": "done",
        "gate": "done",
        "left-out": "cancelled",
        "last": "done",
        "added": "done",
    }
    attempts = await api.all("/attempts", run_id=run["id"])
    keys = {task["id"]: key for key, task in (await tasks_of(api, run["id"])).items()}
    assert Counter(keys[each["task_id"]] for each in attempts) == {"first": 1, "added": 1, "last": 1}
    plans = await api.all(f"/projects/{run['project_id']}/plans")
    assert [plan["status"] for plan in plans] == ["superseded", "superseded", "applied"]
