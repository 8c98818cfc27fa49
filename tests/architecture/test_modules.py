"""Modules are short, services have one shape, and names say what a thing is."""

import ast
import re
import warnings
from pathlib import Path

import pytest
from tests.architecture.tree import ROOT, SERVICES, dotted, modules

LONGEST = 400
SMELL = 300

ROOMS = (
    "domain/__init__.py",
    "domain/errors.py",
    "application/__init__.py",
    "application/ports.py",
    "adapters/__init__.py",
    "adapters/tables.py",
    "entrypoints/__init__.py",
    "entrypoints/events.py",
    "entrypoints/http.py",
    "migrations/__init__.py",
    "settings.py",
    "service.py",
)
BESIDE = ("README.md", "pyproject.toml", "tests/unit", "tests/integration")

BANNED = {
    *("manager", "helper", "helpers", "util", "utils", "common", "base", "processor", "data", "info", "job", "jobs"),
    *("workflow", "workflows", "session", "sessions"),
}
PERMITTED = {
    "project_manager",  # a role of the product
    "manager_takes_no_task",  # the rule about that role, BR-PROJ-002
    "login_session",
    "coding_session",
}


def words(name: str) -> list[str]:
    """`HTTPRequestData` and `http_request_data` have the words http, request, data."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]


def named(source: str) -> list[str]:
    kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    return [node.name for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]


def vague(names: list[str]) -> list[str]:
    """Names with a banned word that no permitted term explains."""

    def explained(name: str) -> bool:
        return not BANNED & set(words(re.sub("|".join(PERMITTED), "", "_".join(words(name)))))

    return [name for name in names if not explained(name)]


@pytest.mark.filterwarnings("default")
def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in modules()}
    for path, lines in lengths.items():
        if SMELL < lines <= LONGEST:
            warnings.warn(f"{path.relative_to(ROOT)} has {lines} lines", stacklevel=1)

    assert [f"{path.relative_to(ROOT)}: {lines}" for path, lines in lengths.items() if lines > LONGEST] == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_rooms(service: str) -> None:
    member = ROOT / "services" / service
    inside = member / "src" / "orchestra" / service

    assert [room for room in ROOMS if not (inside / room).is_file()] == []
    assert [beside for beside in BESIDE if not (member / beside).exists()] == []
    assert {path.name for path in inside.iterdir() if path.is_dir() and path.name != "__pycache__"} <= {
        room.partition("/")[0] for room in ROOMS
    }


def test_the_namespace_package_belongs_to_nobody() -> None:
    assert list(ROOT.glob("**/src/orchestra/__init__.py")) == []


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_names_say_what_a_thing_is(path: Path) -> None:
    assert vague([*named(path.read_text()), path.stem]) == []


VAGUE = ("PlanManager", "task_data", "HTTPHelper", "JobQueue", "BaseStore", "open_session", "utils")
EXACT = ("ProjectManager", "is_project_manager", "login_session", "database", "Metadata", "Information")


@pytest.mark.parametrize("name", VAGUE)
def test_a_vague_name_is_found(name: str) -> None:
    assert vague([name]) == [name]


@pytest.mark.parametrize("name", EXACT)
def test_an_exact_name_is_left_alone(name: str) -> None:
    assert vague([name]) == []
