"""What a person hands in: a document, a team, a plan, and the files that the plan's commands read."""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, cast

import yaml

from orchestra.cli.exits import Exit, Stop

MOST = 1_000_000
"""Bytes of a document; the gateway refuses more as well."""


@dataclass(frozen=True)
class Inputs:
    name: str
    """Of the document, and by it of the project."""
    document: str
    team: dict[str, Any] | None = None
    plan: dict[str, Any] | None = None
    team_path: Path | None = None
    plan_path: Path | None = None
    files: dict[str, tuple[str, Path]] = field(default_factory=dict[str, tuple[str, Path]])
    """{path in the workspace: (SHA-256, the file)}"""


def read_inputs(document: str, team: Path | None, plan: Path | None) -> Inputs:
    """Read all that was named. Raises Stop with the file and the place in it."""
    name, text = _document(document)
    tasks = _mapping(plan, "tasks", ("tasks",)) if plan else None
    return Inputs(
        name=name,
        document=text,
        team=_mapping(team, "members", ("members", "calendar")) if team else None,
        plan=tasks,
        team_path=team,
        plan_path=plan,
        files=_files(plan.resolve().parent, tasks) if plan and tasks else {},
    )


def _document(given: str) -> tuple[str, str]:
    """A file where one is named, else the text itself."""
    path = Path(given)
    try:
        is_file = path.is_file()
    except OSError:  # a text longer than any path
        is_file = False
    if not is_file:
        if path.suffix and " " not in given.strip():
            raise Stop(Exit.USAGE, f"{given}: there is no such file")
        return "text", given
    return path.name, _text(path)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Stop(Exit.USAGE, f"{path}: {error.strerror}") from error
    if len(content) > MOST:
        raise Stop(Exit.USAGE, f"{path}: {len(content)} bytes; at most {MOST} are taken (413)")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise Stop(Exit.USAGE, f"{path}: not a text in UTF-8 (byte {error.start})") from error
    if "\0" in text:
        raise Stop(Exit.USAGE, f"{path}: a binary file")
    return text


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice instead of keeping the last."""


def _once(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[Any] = set()
    pairs: list[tuple[yaml.Node, yaml.Node]] = node.value
    for key_node, _ in pairs:
        key = cast("Any", loader.construct_object(key_node))  # pyright: ignore[reportUnknownMemberType]
        if key in seen:
            raise yaml.MarkedYAMLError(problem=f"the key {key!r} is given twice", problem_mark=key_node.start_mark)
        seen.add(key)
    return loader.construct_mapping(node, deep=True)


# A date stays the text that was written: it is the scheduler that reads dates.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _once)


def read_agent(path: Path) -> dict[str, Any]:
    """Work for an agent, as plan.yaml has it under `agent`. What stands in it is the gateway's to judge."""
    content = _yaml(path)
    if not isinstance(content, dict):
        raise Stop(Exit.USAGE, f"{path}: a mapping is needed, as plan.yaml has it under `agent`")
    return cast("dict[str, Any]", content)


def _yaml(path: Path) -> Any:
    try:
        return yaml.load(_text(path), _Loader)  # noqa: S506 - a safe loader, only stricter
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Stop(Exit.USAGE, f"{path}{place}: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        raise Stop(Exit.USAGE, f"{path}: {error}") from error


def _mapping(path: Path, needed: str, known: tuple[str, ...]) -> dict[str, Any]:
    content = _yaml(path)
    if not isinstance(content, dict) or needed not in content:
        raise Stop(Exit.USAGE, f"{path}: a mapping with `{needed}` is needed")
    mapping = cast("dict[str, Any]", content)
    unknown = [str(key) for key in mapping if key not in known]
    if unknown:
        raise Stop(Exit.USAGE, f"{path}: unknown keys: {', '.join(unknown)}; there are {', '.join(known)}")
    return mapping


def _files(root: Path, plan: dict[str, Any]) -> dict[str, tuple[str, Path]]:
    """The inputs that are files beside the plan; whatever else is read must come from predecessors."""
    files: dict[str, tuple[str, Path]] = {}
    for task in mappings(plan["tasks"]):
        for work in mappings([task.get("command"), task.get("agent")]):
            for name in texts(work.get("inputs")):
                if name not in files and (found := _beneath(root, name)):
                    files[name] = (digest(found), found)
    return files


def mappings(content: Any) -> list[dict[str, Any]]:
    """The mappings in a list that a person wrote; what is of another shape is left for the gateway to refuse."""
    items = cast("list[Any]", content) if isinstance(content, list) else []
    return [item for item in items if isinstance(item, dict)]


def texts(content: Any) -> list[str]:
    items = cast("list[Any]", content) if isinstance(content, list) else []
    return [item for item in items if isinstance(item, str)]


def _beneath(root: Path, name: str) -> Path | None:
    """The regular file of this name beneath the root; a path that leaves it is left to be refused with its place."""
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts:
        return None
    path = (root / name).resolve()
    return path if path.is_file() and path.is_relative_to(root) else None


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
