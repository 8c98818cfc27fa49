"""The project's own tree, as the architecture tests see it."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("gateway", "planner", "scheduler", "executor", "notifier")
MEMBERS = ("libs/contracts", "libs/chassis", *(f"services/{name}" for name in SERVICES), "embedded", "cli")


def modules(*members: str) -> list[Path]:
    """Every module under `src` of these members, or of all."""
    return sorted(path for member in members or MEMBERS for path in (ROOT / member / "src").rglob("*.py"))


def dotted(path: Path) -> str:
    """`orchestra.planner.domain.plan` for a module, `orchestra.planner.domain` for a package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    inside = parts[parts.index("src") + 1 :]
    return ".".join(inside[:-1] if inside[-1] == "__init__" else inside)


def code(source: str) -> str:
    """The source without comments and docstrings, which may speak of anything."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [each for each in node.body if not _is_text(each)] or [ast.Pass()]
    return ast.unparse(tree)


def calls(source: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))


def files() -> list[Path]:
    """Every file that is committed or would be: what git knows, and what it does not ignore."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
