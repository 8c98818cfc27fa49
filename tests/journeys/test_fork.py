"""A finished run goes on from a step beside itself: a command of the new run reads what one of the first had made."""

import json
from pathlib import Path

from tests.journeys.jobs import by_hand, commands, python, start, stopped, tasks_of
from tests.journeys.shell import at_gateway
from tests.system import System, eventually

from orchestra.cli.api import Api

MAKE = "import os; open('made.txt', 'w').write(os.urandom(8).hex()); print('made')"
"""Executed again it would make something else."""
USE = "open('used.txt', 'w').write('used ' + open('made.txt').read())"


async def test_a_run_is_forked_and_its_outputs_are_read_where_they_were_not_made(
    system: System, api: Api, tmp_path: Path
) -> None:
    shell = at_gateway(tmp_path, system)
    first = (
        await start(
            api,
            commands(
                by_hand("talk"),
                python("make", MAKE, outputs=["made.txt"]),
                python("use", USE, after=["make", "talk"], outputs=["used.txt"]),
                python("tell", "print(open('used.txt').read())", after=["use"]),
            ),
        )
    )["id"]
    await stopped(api, first)
    await api.post(f"/tasks/{(await tasks_of(api, first))['talk']['id']}/complete", {})
    assert (await stopped(api, first))["status"] == "finished"

    async def scheduled() -> bool:
        return (await api.get(f"/runs/{first}"))["schedule_is_current"]

    await eventually(scheduled)
    before = await api.get(f"/runs/{first}"), await tasks_of(api, first)
    attempts = await api.all("/attempts", run_id=first)

    nobody = shell.orchestra("runs", "fork", first, "--from", "nobody", code=6)
    assert "There is no such task: nobody." in nobody.stderr
    forked = shell.orchestra("runs", "fork", first, "--from", "use", "--name", "Once more")

    assert "adopted tasks: 2" in forked.stderr
    assert "Run finished: 4 done" in forked.stdout
    [run] = [each for each in await api.all("/runs") if each["forked_from"] == first]
    tasks, originals = await tasks_of(api, run["id"]), before[1]
    assert f"make  adopted from {originals['make']['id']} of {first}" in forked.stderr
    assert {key: task["adopted_from"] for key, task in tasks.items()} == {
        "talk": originals["talk"]["id"],
        "make": originals["make"]["id"],
        "use": None,
        "tell": None,
    }
    executed = await api.all("/attempts", run_id=run["id"])
    assert sorted(each["task_id"] for each in executed) == sorted(tasks[key]["id"] for key in ("use", "tell"))
    assert tasks["make"]["outputs"] == originals["make"]["outputs"]
    assert tasks["use"]["outputs"] == originals["use"]["outputs"]  # the same in, the same out
    assert tasks["tell"]["evidence"]["tail"].startswith("used ")

    [directory] = [path.parent for path in tmp_path.glob("runs/*/tasks.jsonl")]
    manifest = json.loads((directory / "artifacts/manifest.json").read_text())
    [made] = [each for each in manifest if each["path"] == "made.txt"]
    assert (made["task_id"], made["adopted_from"]) == (tasks["make"]["id"], originals["make"]["id"])
    used = (directory / "artifacts" / tasks["use"]["outputs"][0]["sha256"]).read_text()
    assert used == "used " + (directory / "artifacts" / made["sha256"]).read_text()
    report = (directory / "report.md").read_text()
    assert f"| Goes on from | `{first}` |" in report
    assert "| `make` | make | Machine | done | adopted |" in report
    assert f"It goes on from {first}." in shell.orchestra("runs", "show", run["id"]).stdout
    shown = shell.orchestra("task", "show", "make", "--run", run["id"]).stdout
    assert f"Adopted from  {originals['make']['id']}" in shown
    assert "it is adopted from" in shell.orchestra("task", "explain", "make", "--run", run["id"]).stdout

    project = await api.get(f"/projects/{run['project_id']}")
    plan = await api.get(f"/projects/{run['project_id']}/plan")
    assert (project["name"], plan["status"], plan["approved_by"]) == ("Once more", "applied", plan["requested_by"])
    assert plan["hash"] == (await api.get(f"/projects/{before[0]['project_id']}/plan"))["hash"]

    async def satisfied() -> bool:
        return all(each["satisfied"] for each in await api.all(f"/projects/{run['project_id']}/requirements"))

    await eventually(satisfied)
    assert (await api.get(f"/runs/{first}"), await tasks_of(api, first)) == before
    assert await api.all("/attempts", run_id=first) == attempts


async def test_a_failed_run_is_forked_on_hold_edited_and_resumed(system: System, api: Api, tmp_path: Path) -> None:
    shell = at_gateway(tmp_path, system)
    broken = python("use", "raise SystemExit(open('made.txt').read())", after=["make"], retries=0)
    run = await start(api, commands(python("make", MAKE, outputs=["made.txt"]), broken))
    assert (await stopped(api, run["id"]))["status"] == "failed"

    held = shell.orchestra("runs", "fork", run["id"], "--from", "use", "--hold")

    [fork] = [each for each in await api.all("/runs") if each["forked_from"] == run["id"]]
    assert held.stdout.strip() == f"{fork['id']} is held: orchestra runs resume {fork['id']}"
    assert (fork["status"], fork["totals"]) == ("paused", {"done": 1, "ready": 1})
    path = f"/projects/{fork['project_id']}"
    _, tag = await api.tagged(f"{path}/plan")
    mended = {"argv": ["python3", "-c", "print(open('made.txt').read())"], "tools": ["python3"]}
    edits = [{"op": "change_task", "id": "use", "set": {"command": mended}}]
    await api.post(f"{path}/plans/edits", {"edits": edits, "approve": True}, if_match=tag)

    async def applied() -> bool:
        return (await tasks_of(api, fork["id"]))["use"]["command"]["argv"][2].startswith("print")

    await eventually(applied)
    resumed = shell.orchestra("runs", "resume", fork["id"])
    assert "Run finished: 2 done" in resumed.stdout
    tasks = await tasks_of(api, fork["id"])
    assert (tasks["make"]["adopted_from"] is not None, tasks["make"]["attempts"]) == (True, 0)
    assert (await api.get(f"/runs/{run['id']}"))["status"] == "failed"
