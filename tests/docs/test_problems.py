"""docs/reference/problems.md has every code that the code has, and no other."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.tree import ROOT, SERVICES, modules

PAGE = ROOT / "docs" / "reference" / "problems.md"
SOURCES = [path.read_text() for path in modules("libs/chassis", *(f"services/{name}" for name in SERVICES))]


def codes(source: str) -> Iterator[str]:
    """What error classes and problems that are made on the spot are called by."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Assign(targets=[ast.Name("code")], value=ast.Constant(str(code))):
                yield code
            case ast.AnnAssign(target=ast.Name("code"), value=ast.Constant(str(code))):
                yield code
            case ast.Call(func=ast.Name("Problem"), args=[_, ast.Constant(str(code)), *_]):
                yield code


def described() -> set[str]:
    return set(re.findall(r"`([a-z-]+)`", PAGE.read_text()))


def test_every_code_of_a_problem_is_described() -> None:
    assert {code for source in SOURCES for code in codes(source)} - described() == set()


def test_nothing_is_described_that_no_code_says() -> None:
    said = "\n".join(SOURCES)

    assert [code for code in described() if "-" in code and f'"{code}"' not in said] == []


def test_a_code_is_found_wherever_it_is_given() -> None:
    source = 'class A:\n    code = "a"\nclass B:\n    code: str = "b"\nraise Problem(422, "c", "why")'

    assert set(codes(source)) == {"a", "b", "c"}
