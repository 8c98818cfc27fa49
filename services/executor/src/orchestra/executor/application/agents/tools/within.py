"""Tools that read and change files of the workspace."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestra.executor.application.agents.ports import Assignment, BadFile, Files
from orchestra.executor.domain.agents.calls import ToolResult, ToolSpec
from orchestra.executor.domain.agents.patch import BadPatch, apply, parse
from orchestra.executor.domain.paths import fault_of, lies_in
from orchestra.executor.domain.policy import Policy

MOST_READ = 50_000
"""Bytes that are looked at of a file at a time."""
MOST_LISTED = 500
MOST_WRITTEN = 1_000_000
"""Bytes of a file that is written."""
PATH: Mapping[str, Any] = {"type": "string", "description": "Relative to the working folder, with forward slashes."}


def _spec(name: str, description: str, effect: Any, required: tuple[str, ...], **properties: Any) -> ToolSpec:
    schema = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return ToolSpec(name, description, schema, effect)


class _Quiet:
    async def look_up(self, key: str) -> ToolResult | None:
        """Nothing outside the workspace was touched: it is done again."""
        del key
        return None


@dataclass(frozen=True)
class ReadFile(_Quiet):
    files: Files
    spec = _spec(
        "read_file",
        "Read a text file, or a part of it by lines.",
        "none",
        ("path",),
        path=PATH,
        first_line={"type": "integer", "minimum": 1},
        lines={"type": "integer", "minimum": 1, "maximum": 2000},
    )

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        return _path_fault(arguments["path"])

    def summary(self, arguments: Mapping[str, Any]) -> str:
        return f"read {arguments['path']}"

    async def perform(self, arguments: Mapping[str, Any], key: str) -> ToolResult:
        del key
        first, lines = arguments.get("first_line", 1), arguments.get("lines")
        try:
            # A part further down is looked for in all that may be read at all.
            content, size = await self.files.read(arguments["path"], MOST_READ if first == 1 else MOST_WRITTEN)
        except BadFile as bad:
            return ToolResult(str(bad), failed=True)
        if b"\0" in content:
            return ToolResult(f"{arguments['path']} is no text; it has {size} bytes.", failed=True)
        text = content.decode(errors="replace")
        chosen = text.splitlines(keepends=True)[first - 1 :][:lines]
        told = "".join(chosen)[:MOST_READ]
        cut = size > len(content) or len(told) < sum(map(len, chosen))
        return ToolResult(told + (f"\n(The file goes on: it has {size} bytes.)" if cut else ""))


@dataclass(frozen=True)
class ListFiles(_Quiet):
    files: Files
    spec = _spec(
        "list_files",
        "List files with their sizes in bytes; a pattern has *, ? and ** for folders.",
        "none",
        (),
        pattern={"type": "string"},
    )

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        return _path_fault(arguments.get("pattern") or "**")

    def summary(self, arguments: Mapping[str, Any]) -> str:
        return f"list {arguments.get('pattern') or 'all files'}"

    async def perform(self, arguments: Mapping[str, Any], key: str) -> ToolResult:
        del key
        try:
            found, count = await self.files.listed(arguments.get("pattern") or "**", MOST_LISTED)
        except BadFile as bad:
            return ToolResult(str(bad), failed=True)
        more = f"\n({count - len(found)} more: use a narrower pattern.)" if count > len(found) else ""
        return ToolResult("\n".join(f"{size:>10} {path}" for path, size in found) + more or "There are no such files.")


@dataclass(frozen=True)
class WriteFile(_Quiet):
    files: Files
    policy: Policy
    assignment: Assignment
    spec = _spec(
        "write_file",
        "Make a text file, or replace all of one.",
        "workspace",
        ("path", "content"),
        path=PATH,
        content={"type": "string"},
    )

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        if len(arguments["content"].encode(errors="replace")) > MOST_WRITTEN:
            return f"A file is written with at most {MOST_WRITTEN} bytes."
        return may_change(self.policy, self.assignment, arguments["path"])

    def summary(self, arguments: Mapping[str, Any]) -> str:
        return f"write {arguments['path']} ({len(arguments['content'])} characters)"

    async def perform(self, arguments: Mapping[str, Any], key: str) -> ToolResult:
        del key
        try:
            await self.files.write(arguments["path"], arguments["content"].encode(errors="replace"))
        except BadFile as bad:
            return ToolResult(str(bad), failed=True)
        return ToolResult(f"Written: {arguments['path']}.")


@dataclass(frozen=True)
class ApplyPatch(_Quiet):
    files: Files
    policy: Policy
    assignment: Assignment
    spec = _spec(
        "apply_patch",
        "Change text files by a unified diff (--- a/path, +++ b/path, @@ hunks; /dev/null for a new or removed file). "
        "All of it is applied, or nothing.",
        "workspace",
        ("patch",),
        patch={"type": "string"},
    )

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        if len(arguments["patch"].encode(errors="replace")) > MOST_WRITTEN:
            return f"A patch has at most {MOST_WRITTEN} bytes."
        try:
            changed = parse(arguments["patch"])
        except BadPatch:
            return None  # it is tried, and told what is wrong with it
        for file in changed:
            for path in {file.before, file.after} - {None}:
                if why := may_change(self.policy, self.assignment, path or ""):
                    return why
        return None

    def summary(self, arguments: Mapping[str, Any]) -> str:
        try:
            paths = [file.after or file.before or "" for file in parse(arguments["patch"])]
        except BadPatch:
            return "patch nothing: it cannot be read"
        return "patch " + ", ".join(paths[:20])

    async def perform(self, arguments: Mapping[str, Any], key: str) -> ToolResult:
        del key
        try:
            patched = parse(arguments["patch"])
            before: dict[str, str] = {}
            for file in patched:
                if file.before is not None:
                    content, size = await self.files.read(file.before, MOST_WRITTEN)
                    if size > len(content):
                        raise BadFile(f"{file.before} is too large to be patched.")
                    before[file.before] = content.decode()
            after = apply(patched, before)
            for path, text in after.items():
                await (self.files.remove(path) if text is None else self.files.write(path, text.encode()))
        except UnicodeError:
            return ToolResult("Only text files are patched. Nothing was changed.", failed=True)
        except (BadPatch, BadFile) as bad:
            return ToolResult(f"{bad} Nothing was changed.", failed=True)
        return ToolResult("Patched: " + ", ".join(sorted(after)) + ".")


def _path_fault(path: str) -> str | None:
    fault = fault_of(path)
    return f"The path {path[:200]!r} {fault}." if fault else None


def may_change(policy: Policy, assignment: Assignment, path: str) -> str | None:
    """Why this file is not the agent's to write; None where it is."""
    if fault := _path_fault(path):
        return fault
    if lies_in(path, policy.protected):
        return f"{path} is protected by the policy: what others run or obey is not changed."
    if path in assignment.guarded:
        return f"{path} was given as it is, and stays so."
    return None
