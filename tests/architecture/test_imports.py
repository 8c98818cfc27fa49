"""The import contracts of .importlinter hold, and each of them can fail.

A canary is a tiny tree of the same shape with one forbidden import. The very contract that guards the project runs over
it and must report a breach.
"""

import configparser
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / ".importlinter"
SERVICES = ("gateway", "planner", "scheduler", "executor", "notifier")

CANARIES = {
    "contracts": ("contracts/event.py", "import yaml"),
    "chassis": ("chassis/messaging/relay.py", "import orchestra.planner.domain"),
    "chassis-events": ("chassis/messaging/relay.py", "from orchestra.contracts import planning"),
    "services": ("scheduler/adapters/tables.py", "import orchestra.planner.domain"),
    "rooms": ("executor/application/ports.py", "import orchestra.executor.adapters"),
    "domain": ("planner/domain/plan.py", "import sqlalchemy"),
    "domain-is-pure": ("planner/domain/plan.py", "import random"),
    "application": ("planner/application/ports.py", "import sqlalchemy"),
    "entrypoints": ("planner/entrypoints/http.py", "import httpx"),
    "broker": ("notifier/adapters/tables.py", "import aio_pika"),
    "providers": ("executor/adapters/tables.py", "import pydantic_ai"),
    "embedded": ("embedded/host.py", "import orchestra.planner.adapters.tables"),
    "cli": ("cli/main.py", "import orchestra.planner.application.ports"),
}


def contracts() -> list[str]:
    config = configparser.ConfigParser()
    config.read(CONFIG)
    return [name.removeprefix("importlinter:contract:") for name in config.sections() if ":contract:" in name]


def lint(*only: str, tree: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run import-linter over the project, or over another tree that takes its place on the path."""
    limits = [word for name in only for word in ("--contract", name)]
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--config", CONFIG, "--no-cache", "--no-logo", *limits],
        cwd=ROOT,
        env=os.environ | ({"PYTHONPATH": str(tree)} if tree else {}),
        capture_output=True,
        text=True,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The smallest tree in which all contracts have something to judge, and nothing to report."""
    modules = {
        "contracts": ("__init__", "event", "planning"),
        "chassis": (
            "__init__",
            "messaging/__init__",
            "messaging/relay",
            "messaging/rabbit/__init__",
            "messaging/rabbit/transport",
        ),
        "embedded": ("__init__", "host"),
        "cli": ("__init__", "main"),
    }
    rooms = {"domain": "plan", "application": "ports", "adapters": "tables", "entrypoints": "http"}
    for service in SERVICES:
        in_rooms = [f"{room}/{module}" for room, only in rooms.items() for module in ("__init__", only)]
        modules[service] = ("__init__", "service", *in_rooms)
    for package, names in modules.items():
        for name in names:
            file = tmp_path / "orchestra" / package / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    (tmp_path / "orchestra/chassis/messaging/rabbit/transport.py").write_text("import aio_pika, faststream\n")
    (tmp_path / "orchestra/chassis/messaging/relay.py").write_text("import orchestra.contracts.event\n")
    return tmp_path


def test_the_import_contracts_hold() -> None:
    done = lint()

    assert done.returncode == 0, done.stdout


def test_the_tree_of_the_canaries_is_clean_without_them(tree: Path) -> None:
    done = lint(tree=tree)

    assert f"{len(contracts())} kept, 0 broken" in done.stdout, done.stdout


@pytest.mark.parametrize("contract", contracts())
def test_a_forbidden_import_breaks_its_contract(contract: str, tree: Path) -> None:
    where, line = CANARIES[contract]
    with (tree / "orchestra" / where).open("a") as file:
        file.write(f"{line}\n")

    done = lint(contract, tree=tree)

    assert "0 kept, 1 broken" in done.stdout, done.stdout
    assert done.returncode == 1
