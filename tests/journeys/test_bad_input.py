"""Bad input: one clear message that names the place, the exit code of its class, and nothing half made.

Nothing half made is: no plan but those that say of themselves why they failed, no task, no run, no attempt, and no
operation that is still under way. The project that the command makes first stays, without a plan.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.journeys.jobs import DOCUMENT
from tests.journeys.shell import Shell, at_gateway
from tests.private_servers import free_port
from tests.system import System, eventually

COMMAND = {"argv": ["python3", "-c", ""], "tools": ["python3"]}


def task(key: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "title": key, "points": 1, **more}


@dataclass(frozen=True)
class Bad:
    name: str
    code: int
    says: tuple[str, ...]
    """All of this stands in the message."""
    document: str | bytes = DOCUMENT
    plan: Any = None
    team: Any = None
    arguments: tuple[str, ...] = ()
    config: str = ""
    key: str | None = None


BAD = [
    Bad("a binary document", 2, ("job.md", "binary"), document=b"# Job\0\n"),
    Bad("a document in no encoding we know", 2, ("job.md", "UTF-8", "byte 5"), document=b"# Job\xff\n"),
    Bad("a document of more than a megabyte", 2, ("job.md", "1000001 bytes"), document="x" * 1_000_001),
    Bad("a document that is not there", 2, ("away.md", "no such file"), arguments=("away.md",)),
    Bad("a plan that is no YAML", 2, ("plan.yaml", "line 1, column"), plan="tasks: ]"),
    Bad("an unknown key in the plan", 2, ("/tasks/0/colour",), plan=[task("a", colour="red")]),
    Bad("an unknown key in the team", 2, ("/members/0/colour",), team=[{"id": "a", "name": "A", "colour": "red"}]),
    Bad("two tasks of one id", 2, ("/tasks/1", "a"), plan=[task("a"), task("a")]),
    Bad("an unknown dependency", 2, ("/tasks/0/after/0", "nobody"), plan=[task("a", after=["nobody"])]),
    Bad("a cycle", 2, ("/tasks", "a → b → a"), plan=[task("a", after=["b"]), task("b", after=["a"])]),
    Bad("an unknown requirement", 2, ("/tasks/0/covers/0", "R9"), plan=[task("a", covers=["R9"])]),
    Bad(
        "a tool outside the whitelist",
        5,
        ("/tasks/0/command", "bash"),
        plan=[task("a", command={"argv": ["bash", "-c", ""], "tools": ["bash"]})],
    ),
    Bad(
        "an input that nobody makes",
        2,
        ("/tasks/0/command/inputs/0", "absent.csv"),
        plan=[task("a", command={**COMMAND, "inputs": ["absent.csv"]})],
    ),
    Bad("an unknown option", 2, ("--colour",), arguments=("job.md", "--colour")),
    Bad("an unknown setting", 2, ("orchestra.toml", "colour"), config='colour = "red"'),
    Bad("a setting that is out of bounds", 2, ("concurrency",), arguments=("job.md", "--concurrency", "0")),
    Bad("no API key", 2, ("ORCHESTRA_API_KEY",), key=""),
    Bad("an API key of nobody", 5, ("key",), key="ork_test_nobody_" + "x" * 43),
]


@pytest.fixture
def shell(tmp_path: Path, on_five_processes: System) -> Shell:
    return at_gateway(tmp_path, on_five_processes)


def written(shell: Shell, bad: Bad) -> list[str]:
    """The files of the case, and the arguments that name them."""
    document = bad.document if isinstance(bad.document, bytes) else bad.document.encode()
    (shell.directory / "job.md").write_bytes(document)
    if bad.config:
        (shell.directory / "orchestra.toml").write_text(bad.config)
    arguments = list(bad.arguments or ("job.md",))
    for name, key, content in (("plan", "tasks", bad.plan), ("team", "members", bad.team)):
        if content is not None:
            path = shell.directory / f"{name}.yaml"
            path.write_text(content if isinstance(content, str) else json.dumps({key: content}))
            arguments += [f"--{name}", path.name]
    return arguments


async def made(system: System) -> dict[str, list[Any]]:
    """All rows that a plan or a run leaves behind, whoever owns them."""
    tables = [("planner", "plan_task"), ("scheduler", "plan"), ("scheduler", "run"), ("scheduler", "task")]
    found = {f"{service}.{table}": await system.rows(service, table) for service, table in tables}
    found["executor.attempt"] = await system.rows("executor", "attempt")
    found["planner.plan"] = [row for row in await system.rows("planner", "plan") if row["status"] != "failed"]
    return found


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
async def test_bad_input_is_refused_with_its_place_and_leaves_nothing(
    bad: Bad, shell: Shell, on_five_processes: System
) -> None:
    before = await made(on_five_processes)
    if bad.key is not None:
        shell.environment.pop("ORCHESTRA_API_KEY")
        shell.environment.update({"ORCHESTRA_API_KEY": bad.key} if bad.key else {})

    complained = shell.orchestra("run", *written(shell, bad), "--yes", code=bad.code).stderr

    assert [part for part in bad.says if part not in complained] == [], complained
    assert "Traceback" not in complained

    async def settled() -> bool:
        return "accepted" not in {row["status"] for row in await on_five_processes.rows("gateway", "operation")}

    await eventually(settled)
    assert await made(on_five_processes) == before


async def test_a_gateway_that_is_not_there_is_named(shell: Shell) -> None:
    away = Shell(shell.directory, ("--gateway", f"http://127.0.0.1:{free_port()}"), shell.environment)

    complained = away.orchestra("run", DOCUMENT, "--yes", code=8).stderr

    assert complained.startswith("orchestra: the gateway does not answer")
    assert len(complained.splitlines()) == 1


async def test_the_gateway_refuses_a_document_of_more_than_a_megabyte(on_five_processes: System) -> None:
    before = await made(on_five_processes)
    async with on_five_processes.client() as client:
        project = (await client.post("/api/v1/projects", json={"name": "Large"})).json()
        body = {"document": "x" * 1_000_001, "document_name": "large.md"}
        answer = await client.post(f"/api/v1/projects/{project['id']}/plans", json=body)

    assert (answer.status_code, answer.json()["code"]) == (413, "document-too-large")
    assert await made(on_five_processes) == before
