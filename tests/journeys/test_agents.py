"""Work for AI agents by the command line: planned, shown, edited, rehearsed, and refused where there is no model."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.journeys.shell import Shell, at_gateway
from tests.system import System, embedded

from orchestra.cli.api import Api

REQUIREMENTS = "# Map\n\n## Requirements\n\n- R1: The map must have a legend.\n- R2: The map must be sorted.\n"
AGENT = {"instructions": "Write the legend.", "inputs": ["notes.txt"], "outputs": ["legend.md"], "budget_usd": "0.25"}
SORT = {"argv": ["sort", "notes.txt"], "tools": ["sort"], "inputs": ["notes.txt"]}
PLAN: dict[str, Any] = {
    "tasks": [
        {"id": "legend", "title": "Write the legend", "covers": ["R1"], "agent": AGENT},
        {"id": "sort", "title": "Sort it", "covers": ["R2"], "command": SORT},
    ]
}


def written(folder: Path, plan: dict[str, Any] = PLAN) -> tuple[str, ...]:
    (folder / "requirements.md").write_text(REQUIREMENTS)
    (folder / "notes.txt").write_text("b\na\n")
    (folder / "plan.yaml").write_text(yaml.safe_dump(plan))
    return ("requirements.md", "--plan", "plan.yaml")


def shown(shell: Shell, *arguments: str) -> Any:
    return json.loads(shell.orchestra(*arguments, "--json").stdout)


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[System]:
    """A host whose agents nobody has registered or retired."""
    with embedded(tmp_path / "home") as system:
        yield system


def test_without_a_model_it_is_rehearsed_and_really_fails_as_policy(untouched: System, tmp_path: Path) -> None:
    shell = at_gateway(tmp_path, untouched)
    plan = written(tmp_path)
    rehearsed = shell.orchestra("run", *plan, "--yes", "--dry-run").stdout
    assert "@ Write the legend" in rehearsed

    shell.orchestra("run", *plan, "--yes", code=1)

    task = shown(shell, "task", "show", "legend")
    assert task["status"] == "failed"
    assert task["last_failure"]["class"] == "policy"
    assert "there is no key for it" in task["last_failure"]["reason"]
    assert task["assignee"]["key"] == "assistant"
    assert task["command"]["agent"]["requirements"] == [{"id": "R1", "text": "The map must have a legend."}]
    assert shown(shell, "task", "show", "sort")["status"] == "done"
    said = shell.orchestra("task", "show", "legend").stdout
    assert "code, medium; verified by model" in said
    assert "0.25 USD" in said


async def test_it_is_exported_edited_and_explained_over_the_api(system: System, api: Api, tmp_path: Path) -> None:
    shell = at_gateway(tmp_path, system)
    plan = written(tmp_path)
    made = shown(shell, "plan", "create", *plan)
    assert made["tasks"][0]["agent"]["budget_usd"] == "0.25"
    shell.orchestra("plan", "approve", made["id"])
    again = yaml.safe_load(shell.orchestra("plan", "export", made["id"]).stdout)
    [legend, _] = again["tasks"]
    assert legend["agent"]["instructions"] == "Write the legend."
    assert shown(shell, "plan", "create", *written(tmp_path, again))["hash"] == made["hash"]

    (tmp_path / "agent.yaml").write_text("instructions: Sort it by hand.\ntools: [read_file]\n")
    project = ("--project", made["project_id"])
    shell.orchestra("task", "edit", "sort", "--agent", "agent.yaml", "--yes", *project)
    [_, sort] = shown(shell, "plan", "show", *project)["tasks"]
    assert (sort["command"], sort["agent"]["instructions"]) == (None, "Sort it by hand.")
    (tmp_path / "agent.yaml").write_text("instructions: Sort it.\ntools: [rm]\n")
    refused = shell.orchestra("task", "edit", "sort", "--agent", "agent.yaml", *project, code=2).stderr
    assert "/edits/0/set/agent/tools/0" in refused
    shell.orchestra("member", "add", "coder", "--ai", "any", *project)
    assert shown(shell, "member", "show", "coder", *project)["agent"] == "any"


async def test_programs_outside_the_policy_are_refused_before_anything_is_planned(
    system: System, api: Api, tmp_path: Path
) -> None:
    agent = {**AGENT, "tools": ["run_command"], "commands": ["no-such-tool"]}
    plan = written(tmp_path, {"tasks": [{**PLAN["tasks"][0], "agent": agent}]})

    refused = at_gateway(tmp_path, system).orchestra("plan", "create", *plan, code=5).stderr

    assert "/tasks/0/agent" in refused
