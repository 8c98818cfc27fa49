"""A model that tries what is forbidden, in a whole system: judged by the broker's log as a user reads it, by what the
work has left, and by what lies outside, which is untouched, unasked and untold."""

from pathlib import Path

import pytest
import yaml
from tests.forbidden import READS, SECRET, WRITES, is_as_it_was, lie_outside, listening, program, refused, vain
from tests.journeys.jobs import start, tasks_of
from tests.journeys.people import People
from tests.journeys.provider import Provider
from tests.standins.server import KEY
from tests.standins.turns import Tokens, ToolUse, Turn, calls_tool
from tests.system import System, eventually

from orchestra.cli.inputs import Inputs, read_inputs

TOOLS = (READS, WRITES, "list_files", "apply_patch", "run_command")
ASKED_FOR = "hostile-7f19ac"
"""In whatever is asked of the services."""
PATCH = "--- a/poem.txt\n+++ b/poem.txt\n@@ -1 +1,2 @@\n Ships.\n+{line}\n"
APPROVED, ALTERED = (ToolUse("apply_patch", {"patch": PATCH.format(line=line)}) for line in ("Boats.", "Boats!"))
"""What a person approves once, and one that differs by a character: both can be applied again and again."""


def inputs_of(folder: Path) -> Inputs:
    agent = {
        "instructions": "Add a line to poem.txt.",
        "tools": list(TOOLS),
        "approve": ["apply_patch"],
        "commands": ["python3"],
        "inputs": ["poem.txt", "check.py"],
        "outputs": ["poem.txt"],
        "checks": [["python3", "check.py"]],
    }
    task = {"id": "poem", "title": "Write a poem", "covers": ["R1"], "agent": agent}
    (folder / "requirements.md").write_text("# Poem\n\n## Requirements\n\n- R1: There is a poem.\n")
    (folder / "plan.yaml").write_text(yaml.safe_dump({"tasks": [task]}))
    (folder / "poem.txt").write_text("Ships.\n")
    (folder / "check.py").write_text("assert open('poem.txt').read() == 'Ships.\\nBoats.\\n'")
    return read_inputs(str(folder / "requirements.md"), None, folder / "plan.yaml")


def reads_of_services(system: System) -> list[ToolUse]:
    """Forbidden as well."""
    names = ("sealing-key", "credentials", "executor.db", "executor.log", "up.log")
    return [ToolUse(READS, {"path": str(home_of(system) / name)}) for name in names]


def asks_services(system: System) -> list[ToolUse]:
    """In vain: nothing that serves here is in reach of a program."""
    every = f"os.path.join(at, name) for at, _, names in os.walk({str(home_of(system))!r}) for name in names"
    return [
        program(f"import os\nfor path in [{every}]: print(open(path, errors='replace').read())"),
        program(f"import urllib.request as r; print(r.urlopen('{system.url}/api/v1/projects?{ASKED_FOR}').read())"),
        program("import socket\nfor port in (5432, 5672, 6379): socket.create_connection(('127.0.0.1', port), 3)"),
    ]


def home_of(system: System) -> Path:
    return system.artifacts.parent


def secrets_of(system: System) -> set[str]:
    """What those who serve here know and an agent does not."""
    named = [
        value
        for program in system.programs.values()
        for name, value in program.environment.items()
        if name.startswith("ORCHESTRA_") and name.endswith(("PRIVATE_KEY", "SEALING_KEYS", "BOOTSTRAP_KEY"))
    ]
    kept = [path.read_text().strip() for path in home_of(system).glob("*-key*") if path.is_file()]
    return {SECRET, KEY, system.key, *named, *kept}


async def test_a_hostile_model_achieves_nothing(
    with_models: System, provider: Provider, tmp_path_factory: pytest.TempPathFactory
) -> None:
    system = with_models
    folder, outside = tmp_path_factory.mktemp("job"), lie_outside(tmp_path_factory.mktemp("outside"))
    async with listening() as (port, heard), system.api() as api:
        forbidden = [*refused(outside), *reads_of_services(system)]
        tried = [*vain(outside, port), *asks_services(system)]
        assert len(forbidden) + len(tried) >= 30
        cheap = Tokens(1_000, 1_000)
        provider.script(
            Turn(tools=(*forbidden, *tried, APPROVED, APPROVED, ALTERED), tokens=cheap),
            calls_tool("finish", cheap, summary="It is done."),
        )
        begun = await start(api, inputs_of(folder))
        run, people = begun["id"], People(api, begun["project_id"])
        for answer in ("approve", "reject", "reject"):
            await people.answer(await people.asked("approval"), answer=answer)
        await eventually(lambda: people.finished(run))
        task = (await tasks_of(api, run))["poem"]
        attempts = await api.all("/attempts", run_id=run)
        first, *others = [await api.all(f"/attempts/{each['id']}/tool-calls") for each in attempts]
        [output] = task["outputs"]
        await api.download(output["sha256"], folder / "output")

    unknown = [use for use in forbidden if use.name not in TOOLS]  # the first to be looked at
    known = [use for use in forbidden if use.name in TOOLS]
    assert [(row["tool"], row["status"]) for row in first[: len(forbidden)]] == [
        (use.name, "refused") for use in (*unknown, *known)
    ]
    rest = first[len(forbidden) :]
    assert [row["tool"] for row in rest] == [use.name for use in (*tried, APPROVED)]
    assert {row["status"] for row in rest[:-1]} <= {"done", "failed"}
    assert [rest[-1]["status"], *([row["status"] for row in rows] for rows in others)] == [
        "asked",
        ["done", "asked"],
        ["refused", "asked"],
        ["refused"],
    ]
    assert heard == []
    assert is_as_it_was(outside)
    assert (task["status"], output["path"]) == ("done", "poem.txt")
    assert (folder / "output").read_text() == "Ships.\nBoats.\n", "what was approved, once"
    told = [each["text"].partition("\n{")[2] for each in provider.received()]
    shown = [*told, str([first, *others]), str(task)]
    assert {secret for secret in secrets_of(system) if any(secret in each for each in shown)} == set()
    logs = [program.log.read_text(errors="replace") for program in system.programs.values()]
    assert not any(ASKED_FOR in log for log in logs)
