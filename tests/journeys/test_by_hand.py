"""A project managed by hand from its first day to its export, on both runtimes."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from tests.journeys.jobs import by_hand, commands, python, start, stopped, tasks_of
from tests.system import eventually

from orchestra.cli.api import Api
from orchestra.cli.exits import Exit, Stop


def rows(archive: ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(name).splitlines()]


async def test_a_project_is_staffed_worked_archived_and_exported(api: Api, tmp_path: Path) -> None:
    writes = python("build", "open('made.txt', 'w').write('made by hand')", outputs=["made.txt"])
    inputs = commands(writes, by_hand("read", after=["build"]), by_hand("check", after=["read"]))
    run = await start(api, inputs)
    await stopped(api, run["id"])
    base = f"/projects/{run['project_id']}"

    # People come and go; the task of one who leaves goes to the other.
    await api.post(f"{base}/members", {"id": "bea", "name": "Bea", "roles": ["editor"]})
    await api.post(f"{base}/members/bea/days-off", {"first": "2027-01-04", "reason": "a holiday"})
    await api.post(f"{base}/calendar/holidays/public", {"country": "PT", "years": [2027]})
    left = await api.post(f"{base}/members/ana/fire", {"reason": "moved away"})
    assert [task["key"] for task in left["returned"]] == ["read"]

    async def hers() -> bool:
        task = (await tasks_of(api, run["id"]))["read"]
        return task["status"] == "assigned" and task["assignee"]["key"] == "bea"

    await eventually(hers)
    read = (await tasks_of(api, run["id"]))["read"]["id"]
    await api.post(f"/tasks/{read}/start", {"member": "bea"})
    await api.post(f"/tasks/{read}/report", {"percent": 50, "text": "half of it"})
    [load] = await api.all(f"{base}/workload")
    assert (load["id"], [task["key"] for task in load["tasks"]]) == ("bea", ["read"])
    await api.post(f"/tasks/{read}/complete", {"member": "bea"})
    await stopped(api, run["id"])

    # The archive takes no project with an open run, and lets nothing change one that is in it.
    with pytest.raises(Stop, match=run["id"]) as refused:
        await api.post(f"{base}/archive", {})
    assert refused.value.code == Exit.CONFLICT
    check = (await tasks_of(api, run["id"]))["check"]["id"]
    await api.post(f"/tasks/{check}/complete", {})
    assert (await stopped(api, run["id"]))["status"] == "finished"

    async def settled() -> bool:
        return (await api.get(f"/runs/{run['id']}"))["schedule_is_current"]

    await eventually(settled)
    assert (await api.post(f"{base}/archive", {}))["archived_at"]
    for path, body in (
        (f"{base}/members", {"id": "dan", "name": "Dan"}),
        (f"{base}/plans", {"document": "# A\n\n- [R1] a\n", "document_name": "a.md"}),
    ):
        with pytest.raises(Stop, match="archived"):
            await api.post(path, body)
    with pytest.raises(Stop, match="archived"):
        await api.edit(base, lambda _: ("PATCH", {"name": "Another"}))

    # What was exported is whole: every hash and every number is what the manifest says, and what the services have.
    await api.save(f"{base}/export", tmp_path / "whole.zip")
    with ZipFile(tmp_path / "whole.zip") as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
        files = {file["path"]: file for file in manifest["files"]}
        assert {*files, "manifest.json"} == set(archive.namelist())
        for path, file in files.items():
            content = archive.read(path)
            assert (sha256(content).hexdigest(), len(content)) == (file["sha256"], file["bytes"]), path
            if path.endswith(".jsonl"):
                assert len(content.splitlines()) == file["items"], path
        listed = {
            "tasks.jsonl": f"{base}/tasks",
            "plans.jsonl": f"{base}/plans",
            "requirements.jsonl": f"{base}/requirements",
            "members.jsonl": f"{base}/members",
            "log.jsonl": f"{base}/log",
            "schedules.jsonl": f"{base}/schedules",
        }
        for name, path in listed.items():
            assert len(rows(archive, name)) == len(await api.all(path)), name
        attempts = await api.all("/attempts", run_id=run["id"])
        assert [row["id"] for row in rows(archive, "attempts.jsonl")] == [each["id"] for each in attempts]
        assert manifest["missing"] == []
        made = next(o["sha256"] for task in rows(archive, "tasks.jsonl") for o in task["outputs"])
        assert archive.read(f"artifacts/{made}") == b"made by hand"
        said = [(e["task_key"], e["kind"], e["text"]) for e in rows(archive, "log.jsonl")]
        assert ("read", "reported", "half of it") in said
        assert ("read", "unassigned", "Ana was fired: moved away") in said

    await api.save(f"{base}/export", tmp_path / "light.zip", artifacts=False)
    with ZipFile(tmp_path / "light.zip") as archive:
        assert [name for name in archive.namelist() if name.startswith("artifacts/")] == []
    assert (await api.post(f"{base}/unarchive", {}))["archived_at"] is None
