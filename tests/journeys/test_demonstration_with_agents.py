"""`make demo` where there is a key: the same job, a part of it by an AI agent, within its budget. The provider is a
stand-in; what the recipe does is what is done here."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.journeys.provider import providing, said
from tests.journeys.shell import LONGEST_S
from tests.standins.server import KEY
from tests.system import clean_environment

ROOT = Path(__file__).resolve().parents[2]
ACCOUNTS = "# Read the accounts against the field notes"


def test_an_agent_reads_the_accounts_and_a_model_judges_that(tmp_path: Path) -> None:
    with providing(tmp_path / "provider") as provider:
        provider.script(
            said("answer", "The files that the work has left", verdict="passed", findings=[]),
            said("finish", ACCOUNTS, "Written: remarks.md.", summary="All accounts were read."),
            said("write_file", ACCOUNTS, "Pied avocet", path="remarks.md", content="Pied avocet: read\n"),
            said("read_file", ACCOUNTS, path="site/species.html"),
        )
        told = clean_environment() | provider.environment | {"ANTHROPIC_API_KEY": KEY, "ORCHESTRA_HOME": str(tmp_path)}
        demo = subprocess.run(
            ["make", "demo", f"ARGS=--home {tmp_path / 'home'} --out {tmp_path / 'runs'}"],
            cwd=ROOT,
            env=told | {"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert "✓ read-accounts" in demo.stderr
    [run] = (tmp_path / "runs").iterdir()
    tasks = [json.loads(line) for line in (run / "tasks.jsonl").read_text().splitlines()]
    [account] = [task for task in tasks if task["key"] == "read-accounts"]
    proof = account["evidence"]
    assert (proof["agent"], proof["verification"]["verdict"]) == ("house", "passed")
    assert 0 < proof["cost_micros"] < 500_000
    assert KEY not in demo.stdout + demo.stderr


def test_without_a_key_the_recipe_is_as_it_was() -> None:
    told = subprocess.run(
        ["make", "-n", "demo"], cwd=ROOT, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True
    )
    assert told.stdout.splitlines()[-1].strip() == (
        ".venv/bin/orchestra run examples/estuary-guide/requirements.md --team examples/estuary-guide/team.yaml "
        "--plan examples/estuary-guide/plan.yaml --yes --until-people"
    )


@pytest.mark.parametrize("key", ["", "sk-any"])
def test_a_key_brings_a_budget_with_it(key: str) -> None:
    environment = {"PATH": os.environ["PATH"]} | ({"ANTHROPIC_API_KEY": key} if key else {})
    printed = subprocess.run(
        ["make", "-pn", "demo"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert ("ORCHESTRA_BUDGET_PROJECT_USD" in printed) == bool(key)
