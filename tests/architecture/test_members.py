"""A workspace member imports only what it declares, itself or through what it declares: it would work alone."""

import ast
import functools
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from tests.architecture.tree import MEMBERS, ROOT, modules

PROVIDERS = packages_distributions()
OURS = {f"orchestra-{Path(member).name}": member for member in MEMBERS}


def name_of(requirement: str) -> str:
    match = re.match(r"[\w.-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match.group()).lower()


def declared(member: str) -> set[str]:
    project = tomllib.loads((ROOT / member / "pyproject.toml").read_text())["project"]
    return {name_of(each) for each in project["dependencies"]}


def closure(member: str) -> set[str]:
    """The distributions that come with a member; with extras, so `faststream[rabbit]` brings its client."""
    known: set[str] = {f"orchestra-{Path(member).name}"}
    waiting = declared(member)
    while waiting:
        name = waiting.pop()
        known.add(name)
        needs = declared(OURS[name]) if name in OURS else {name_of(each) for each in installed(name)}
        waiting |= needs - known
    return known


@functools.cache
def installed(name: str) -> list[str]:
    try:
        return requires(name) or []
    except ModuleNotFoundError:  # for another platform or an extra that nobody asked for
        return []


def imported(source: str) -> set[str]:
    """The packages a source imports: `orchestra.x` for ours, the first word for all others."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return {".".join(name.split(".")[: 2 if name.startswith("orchestra.") else 1]) for name in names}


def providers(package: str) -> set[str]:
    """The distributions that would provide an import."""
    if package.startswith("orchestra."):
        return {package.replace(".", "-")}
    return {name_of(each) for each in PROVIDERS.get(package, [package])}


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_imports_only_what_it_declares(member: str) -> None:
    brought = closure(member)
    wanted = {name for path in modules(member) for name in imported(path.read_text())} - sys.stdlib_module_names

    assert sorted(name for name in wanted if not providers(name) & brought) == []


def test_an_undeclared_import_is_found() -> None:
    package = imported("import yaml").pop()

    assert not providers(package) & closure("libs/contracts")
    assert providers(package) & closure("cli")


@pytest.mark.parametrize("setting", ["include", "extraPaths"])
def test_every_member_is_type_checked(setting: str) -> None:
    """The type checker passes over a folder that it is not told of, and reports success."""
    checked = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["basedpyright"]

    assert sorted(checked[setting]) == sorted(f"{member}/src" for member in MEMBERS)
    assert checked["typeCheckingMode"] == "strict"
