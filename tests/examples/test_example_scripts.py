"""The commands of the example, each in a workspace of its own: without Orchestra, and without its sandbox."""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from orchestra.contracts.planning import CommandRequest, TaskRequest
from orchestra.planner.adapters.markdown import read_blocks
from orchestra.planner.domain.check import check
from orchestra.planner.domain.paths import matches
from orchestra.planner.domain.plan import Plan, propose
from orchestra.planner.domain.requirements import read

EXAMPLE = Path(__file__).parents[2] / "examples" / "estuary-guide"
TASKS = {
    task.id: task
    for task in map(
        TaskRequest.model_validate, yaml.safe_load((EXAMPLE / "plan.yaml").read_text(encoding="utf-8"))["tasks"]
    )
}
COMMANDS = {task.id: task.command for task in TASKS.values() if task.command}
SECONDS = 3
"""What a command may take; the demonstration is short."""


def perform(command: CommandRequest, workspace: Path, attempt: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command.argv,
        cwd=workspace,
        env={"PATH": os.environ["PATH"], "ORCHESTRA_ATTEMPT": str(attempt)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def outputs_of(command: CommandRequest, workspace: Path) -> dict[str, Path]:
    files = {path.relative_to(workspace).as_posix(): path for path in workspace.rglob("*") if path.is_file()}
    return {name: path for name, path in files.items() if any(matches(name, output) for output in command.outputs)}


def furnish(task: TaskRequest, workspace: Path, made: Mapping[str, Mapping[str, Path]]) -> None:
    """Only what is declared: project files that are inputs, and outputs of the tasks directly before."""
    assert task.command is not None
    sources = {path: EXAMPLE / path for path in task.command.inputs if (EXAMPLE / path).is_file()}
    for before in task.after:
        sources |= {path: source for path, source in made.get(before, {}).items() if path in task.command.inputs}
    assert sorted(sources) == sorted(task.command.inputs)
    for path, source in sources.items():
        target = workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def perform_all(root: Path) -> dict[str, dict[str, Path]]:
    """The outputs of each command, tried as often as its retries allow."""
    made: dict[str, dict[str, Path]] = {}
    for task_id in TopologicalSorter({task.id: task.after for task in TASKS.values()}).static_order():
        command = COMMANDS.get(task_id)
        if command is None:
            continue
        for attempt in range(1, command.retries + 2):
            workspace = root / f"{task_id}-{attempt}"
            workspace.mkdir(parents=True)
            furnish(TASKS[task_id], workspace, made)
            before = {path for path in workspace.rglob("*") if path.is_file()}
            result = perform(command, workspace, attempt)
            if result.returncode == 0:
                break
        assert result.returncode == 0, f"{task_id}: {result.stdout}{result.stderr}"
        made[task_id] = outputs_of(command, workspace)
        after = {path for path in workspace.rglob("*") if path.is_file()}
        assert after - before == set(made[task_id].values()), f"{task_id} leaves what it does not declare"
        for output in command.outputs:
            assert any(matches(path, output) for path in made[task_id]), f"{task_id} does not make {output}"
    return made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    return perform_all(tmp_path_factory.mktemp("edition"))


def test_every_command_makes_what_it_declares_from_what_it_declares(made: dict[str, dict[str, Path]]) -> None:
    assert set(made) == set(COMMANDS)
    assert set(made["build-pages"]) == {
        "site/chart.svg",
        *(f"site/{page}.html" for page in ("index", "species", "habitats", "watching", "glossary")),
    }


def test_the_chart_has_a_bar_for_each_species_and_the_guide_an_account(made: dict[str, dict[str, Path]]) -> None:
    names = {row["english"] for row in json.loads(made["convert-species"]["species.json"].read_text(encoding="utf-8"))}
    svg = ElementTree.parse(made["draw-chart"]["chart.svg"])  # noqa: S314 - our own script made it
    shown = {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    page = made["build-pages"]["site/species.html"].read_text(encoding="utf-8")
    assert len(names) == 23
    assert names <= shown
    assert all(f">{name}</h3>" in page for name in names)


def test_the_glossary_is_in_order(made: dict[str, dict[str, Path]]) -> None:
    terms = [line.split("\t")[0] for line in made["sort-glossary"]["glossary.tsv"].read_text().splitlines()]
    assert len(terms) == 18
    assert terms == sorted(terms, key=str.casefold)


def test_the_same_content_gives_the_same_archive(made: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    archive = made["pack-release"]["estuary-guide.tar"]
    again = perform_all(tmp_path)["pack-release"]["estuary-guide.tar"]
    assert again.read_bytes() == archive.read_bytes()
    with tarfile.open(archive) as tar:
        assert {"SHA256SUMS", "site/index.html", "search-index.json", "species.json"} <= set(tar.getnames())


def test_the_register_of_hides_is_out_of_date_at_the_first_attempt_and_right_at_the_second(tmp_path: Path) -> None:
    task = TASKS["fetch-places"]
    results = {}
    for attempt in (1, 2):
        workspace = tmp_path / str(attempt)
        workspace.mkdir()
        furnish(task, workspace, {})
        results[attempt] = perform(COMMANDS[task.id], workspace, attempt)
        assert (workspace / "places.csv").exists() == (attempt == 2)
    assert (results[1].returncode, results[2].returncode) == (os.EX_TEMPFAIL, 0)
    assert "out of date" in results[1].stdout


@pytest.mark.parametrize(
    ("path", "old", "new", "complaint"),
    [
        (
            "records/sightings.csv",
            "hide-1,flamingo,160",
            "hide-1,flamenco,160",
            "sightings.csv:5: unknown species 'flamenco'",
        ),
        ("records/sightings.csv", "2025-10-01,hide-1,flamingo", "2025-13-01,hide-1,flamingo", "is no date"),
        ("records/sightings.csv", "hide-1,flamingo,160", "hide-1,flamingo,-3", "sightings.csv:5: a count of '-3'"),
        ("records/species.csv", "flamingo,", "avocet,", "avocet is listed twice"),
    ],
)
def test_bad_records_stop_the_edition_with_their_line(
    tmp_path: Path, path: str, old: str, new: str, complaint: str
) -> None:
    task = TASKS["check-records"]
    furnish(task, tmp_path, {})
    text = (tmp_path / path).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / path).write_text(text.replace(old, new, 1), encoding="utf-8")
    result = perform(COMMANDS[task.id], tmp_path, 1)
    assert result.returncode == 1
    assert complaint in result.stderr
    assert not (tmp_path / "records.json").exists()


def test_a_link_that_leads_nowhere_is_found(made: dict[str, dict[str, Path]], tmp_path: Path) -> None:
    task = TASKS["check-links"]
    furnish(task, tmp_path, made)
    page = tmp_path / "site" / "habitats.html"
    page.write_text(page.read_text(encoding="utf-8").replace("#osprey", "#ospray"), encoding="utf-8")
    result = perform(COMMANDS[task.id], tmp_path, 1)
    assert result.returncode == 1
    assert "habitats.html: species.html#ospray leads nowhere" in result.stderr


@pytest.fixture
def plan() -> Plan:
    requirements, faults = read(read_blocks((EXAMPLE / "requirements.md").read_text(encoding="utf-8")))
    assert faults == ()
    files = {path.relative_to(EXAMPLE).as_posix(): "0" * 64 for path in EXAMPLE.rglob("*") if path.is_file()}
    return propose("given", requirements, tuple(TASKS.values()), files)


def test_the_plan_has_no_fault_and_leaves_the_printed_copies_open(plan: Plan) -> None:
    assert check(plan) == ()
    assert [requirement.id for requirement in plan.requirements] == [f"R{n}" for n in range(1, 19)]
    assert plan.gaps == ("R18",)
    assert plan.assumptions == ()


def test_every_role_and_tool_is_in_the_team() -> None:
    members = yaml.safe_load((EXAMPLE / "team.yaml").read_text(encoding="utf-8"))["members"]
    people = [member for member in members if member.get("kind") != "agent" and not member.get("manager")]
    assert len(people) == 4
    roles = {role for member in people for role in member["roles"]}
    assert {task.role for task in TASKS.values() if not task.command} == roles
    tools = {tool for member in members for tool in member.get("tools", ())}
    assert {tool for command in COMMANDS.values() for tool in command.tools} == tools


def test_exactly_one_command_may_be_tried_again() -> None:
    assert [task_id for task_id, command in COMMANDS.items() if command.retries] == ["fetch-places"]
