"""Requirements planned by a model over a provider's socket, on either runtime."""

import json
from pathlib import Path

import yaml
from tests.journeys.provider import Provider, said
from tests.journeys.shell import at_gateway
from tests.standins.server import KEY
from tests.standins.turns import Turn, calls_tool
from tests.system import System

REQUIREMENTS = "# Map\n\n## Requirements\n\n- The map must have a legend.\n- The map must be sorted.\n"
LEGEND = {"id": "legend", "title": "Write the legend", "covers": ["R1"], "criteria": ["It has all signs."], "points": 1}
SORTED = {"id": "sort", "title": "Sort it", "covers": ["R2"], "after": ["legend"], "criteria": ["A to Z."], "points": 2}
DRAFTS: list[Turn] = [
    calls_tool("answer", tasks=[LEGEND]),
    calls_tool("answer", tasks=[LEGEND, SORTED], assumptions=["Signs are those of the coast guard."]),
]
"""The first one leaves a requirement open."""
TEAM = {
    "members": [
        {"id": "ada", "name": "Ada"},
        {"id": "scribe", "name": "Scribe", "kind": "agent", "agent": "any", "roles": ["writer"]},
    ]
}


def test_a_draft_is_mended_and_becomes_a_plan(with_models: System, provider: Provider, tmp_path: Path) -> None:
    provider.script(*DRAFTS)
    shell = at_gateway(tmp_path, with_models)
    (tmp_path / "requirements.md").write_text(REQUIREMENTS)

    plan = json.loads(shell.orchestra("plan", "create", "requirements.md", "--by", "model", "--json").stdout)

    assert (plan["status"], plan["mode"], plan["gaps"]) == ("proposed", "model", [])
    assert [(task["key"], task["after"]) for task in plan["tasks"]] == [("legend", []), ("sort", ["legend"])]
    assert plan["assumptions"][0] == "Signs are those of the coast guard."
    assert plan["assumptions"][1].startswith("Planned by claude-sonnet-5 in 2 rounds for 0.0")
    received = provider.received()
    assert len(received) == 2
    assert "No task covers R2." in json.dumps(received[1])
    assert "still being made" in shell.orchestra("plan", "cancel", plan["id"], code=7).stderr
    assert KEY not in shell.orchestra("budget", "show").stdout
    logs = [program.log.read_text() for program in with_models.programs.values()]
    assert not any(KEY in log for log in logs)


def test_a_model_plans_for_an_agent_that_does_its_part(with_models: System, provider: Provider, tmp_path: Path) -> None:
    agent = {"instructions": "Write legend.md.", "kind": "documentation", "difficulty": "simple"}
    drafted = {**LEGEND, "agent": agent | {"tools": ["write_file"], "outputs": ["legend.md"]}}
    provider.script(
        said("answer", "The files that the work has left", verdict="passed", findings=[]),
        said("finish", "# Write the legend", "Written: legend.md.", summary="All signs."),
        said("write_file", "# Write the legend", path="legend.md", content="alder, buoy\n"),
        said("answer", "You plan work", "an AI agent, with the roles writer", tasks=[drafted, SORTED]),
    )
    shell = at_gateway(tmp_path, with_models)
    (tmp_path / "requirements.md").write_text(REQUIREMENTS)
    (tmp_path / "team.yaml").write_text(yaml.safe_dump(TEAM))

    shell.orchestra("run", "requirements.md", "--team", "team.yaml", "--by", "model", "--yes", "--until-people")

    [run] = json.loads(shell.orchestra("runs", "ls", "--json").stdout)[:1]
    tasks = json.loads(shell.orchestra("runs", "show", run["id"], "--json").stdout)["tasks"]
    assert {task["key"]: task["status"] for task in tasks} == {"legend": "done", "sort": "assigned"}
    legend = next(task for task in tasks if task["key"] == "legend")
    assert (legend["evidence"]["verification"]["verdict"], legend["outputs"][0]["path"]) == ("passed", "legend.md")
