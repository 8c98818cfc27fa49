"""The command, as a process in a directory of its own: to a gateway, and with the services inside it."""

import json
import os
import re
import signal
import sqlite3
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.jobs import DOCUMENT, GUIDE
from tests.journeys.shell import Shell, at_gateway, by_itself
from tests.system import eventually

GUIDE_FILES = (str(GUIDE / "requirements.md"), "--team", str(GUIDE / "team.yaml"), "--plan", str(GUIDE / "plan.yaml"))


@pytest.fixture(params=["embedded", "distributed"])
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Shell:
    if request.param == "embedded":
        return by_itself(tmp_path)
    return at_gateway(tmp_path, request.getfixturevalue("on_five_processes"))


def plan_of(shell: Shell, *tasks: dict[str, Any]) -> str:
    path = shell.directory / "plan.yaml"
    path.write_text(json.dumps({"tasks": tasks}))  # JSON is YAML
    return str(path)


def command(key: str, code: str, **more: Any) -> dict[str, Any]:
    wanted = {"argv": ["python3", "-c", code], "tools": ["python3"], **more.pop("command", {})}
    return {"id": key, "title": key, "covers": ["R1"], "minutes": 1, "command": wanted, **more}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def check_run_directory(directory: Path, statuses: dict[str, str]) -> None:
    """All that belongs there, nothing else, and every artifact under its own hash."""
    names = {"plan.json", "tasks.jsonl", "events.jsonl", "metrics.json", "report.md", "artifacts"}
    assert {path.name for path in directory.iterdir()} == names
    plan, tasks = json.loads((directory / "plan.json").read_text()), lines(directory / "tasks.jsonl")
    assert {task["key"]: task["status"] for task in tasks} == statuses
    assert [task["key"] for task in plan["tasks"]] == [task["key"] for task in tasks]
    sequences = [event["sequence"] for event in lines(directory / "events.jsonl")]
    assert sequences == sorted(set(sequences))
    manifest = json.loads((directory / "artifacts/manifest.json").read_text())
    kept = {path.name: path.read_bytes() for path in (directory / "artifacts").iterdir() if path.stem != "manifest"}
    assert kept.keys() == {entry["sha256"] for entry in manifest}
    assert all(sha256(content).hexdigest() == name for name, content in kept.items())
    assert {entry["sha256"] for entry in manifest} >= {o["sha256"] for task in tasks for o in task["outputs"]}
    metrics = json.loads((directory / "metrics.json").read_text())
    assert metrics["tasks"] == {status: list(statuses.values()).count(status) for status in set(statuses.values())}
    report = (directory / "report.md").read_text()
    assert all(f"`{key}`" in report for key in statuses)
    assert plan["hash"] in report


async def test_a_run_goes_from_files_to_its_directory_and_on_with_its_people(shell: Shell) -> None:
    done = {"check-records", "fetch-places", "sort-glossary", "convert-species", "count-sightings", "draw-chart"}
    statuses = dict.fromkeys([*done, "build-pages", "check-links", "build-index"], "done")
    statuses |= dict.fromkeys(["confirm-names", "read-accounts", "try-on-phones"], "assigned")
    statuses |= dict.fromkeys(["sign-off", "make-checksums", "verify-files", "pack-release"], "blocked")

    said = shell.orchestra("run", *GUIDE_FILES, "--yes", "--until-people", "--out", "kept").stdout

    assert "Critical path" in said
    assert "orchestra task done confirm-names" in said
    [directory] = (shell.directory / "kept").iterdir()
    check_run_directory(directory, statuses)

    shell.orchestra("task", "done", "confirm-names", "--out", "kept")
    assert [path.name for path in (shell.directory / "kept").iterdir()] == [directory.name]
    check_run_directory(directory, statuses | {"confirm-names": "done"})


async def test_exit_3_says_that_people_are_waited_for(shell: Shell) -> None:
    plan = plan_of(shell, {"id": "read", "title": "Read it", "covers": ["R1"], "points": 1})

    said = shell.orchestra("run", DOCUMENT, "--plan", plan, "--yes", code=3).stdout

    assert "orchestra task done read" in said
    assert "You" in shell.orchestra("task", "explain", "read").stdout
    shell.orchestra("task", "done", "read", "--as", "you")
    [directory] = (shell.directory / "runs").iterdir()
    check_run_directory(directory, {"read": "done"})


async def test_what_only_plans_or_only_rehearses_executes_nothing(shell: Shell) -> None:
    plan = plan_of(
        shell,
        command("make", "open('made', 'w').write('x')", command={"outputs": ["made"]}),
        command("use", "open('made').read()", after=["make"], command={"inputs": ["made"]}),
        {"id": "read", "title": "Read it", "points": 1, "after": ["use"]},
    )

    shell.orchestra("run", DOCUMENT, "--plan", plan, "--plan-only", "--out", "planned")
    shell.orchestra("run", DOCUMENT, "--plan", plan, "--yes", "--dry-run", "--out", "rehearsed")

    [planned] = (shell.directory / "planned").iterdir()
    assert [path.name for path in planned.iterdir()] == ["plan.json"]
    assert json.loads((planned / "plan.json").read_text())["status"] == "proposed"
    [rehearsed] = (shell.directory / "rehearsed").iterdir()
    check_run_directory(rehearsed, dict.fromkeys(["make", "use", "read"], "done"))
    assert json.loads((rehearsed / "artifacts/manifest.json").read_text()) == []
    assert json.loads((rehearsed / "metrics.json").read_text())["dry_run"]


async def test_a_command_that_fails_for_good_is_exit_1(shell: Shell) -> None:
    plan = plan_of(shell, command("break", "raise SystemExit(9)", command={"fail_on": {"exit": [9]}}))

    said = shell.orchestra("run", DOCUMENT, "--plan", plan, "--yes", code=1).stdout

    assert "Failed: break (permanent" in said
    assert re.search(r"orchestra checkpoint answer chk_\w+ retry\|skip\|fail", said)
    assert "Run failed: 1 failed" in said


async def test_a_run_that_was_killed_goes_on(tmp_path: Path) -> None:
    shell, gate = by_itself(tmp_path), 40
    steps = [
        command(f"s{n}", "import time; time.sleep(.05)", after=[f"s{n - 1}"] if n else [], command={"repeatable": True})
        for n in range(gate)
    ]
    process = shell.begin("run", DOCUMENT, "--plan", plan_of(shell, *steps), "--yes")

    async def under_way() -> bool:
        assert process.poll() is None, process.communicate()
        database = tmp_path / "home/executor.db"
        return database.exists() and 3 <= succeeded(database) < gate - 5

    await eventually(under_way)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()

    shell.orchestra("run", "--resume")

    [directory] = (tmp_path / "runs").iterdir()
    check_run_directory(directory, {step["id"]: "done" for step in steps})


def succeeded(database: Path) -> int:
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT count(*) FROM attempt WHERE status = 'succeeded'").fetchone()[0]
    except sqlite3.OperationalError:  # the tables are not there yet
        return 0
