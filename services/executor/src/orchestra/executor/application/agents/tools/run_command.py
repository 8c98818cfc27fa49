"""The tool that runs a program: in the sandbox and by the policy that hold for every command."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestra.executor.application.agents.ports import Assignment
from orchestra.executor.application.ports import CommandRefused, Sandbox, SandboxCommand, SandboxUnavailable
from orchestra.executor.domain.agents.calls import ToolResult, ToolSpec
from orchestra.executor.domain.policy import Policy, check, without_network

MOST_OUTPUT = 16_000
"""Characters of its end that the model is told."""
LONGEST = 600
USUAL = 120
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["argv"],
    "properties": {
        "argv": {"type": "array", "minItems": 1, "maxItems": 1000, "items": {"type": "string"}},
        "timeout_s": {"type": "integer", "minimum": 1, "maximum": LONGEST},
    },
}


@dataclass(frozen=True)
class RunCommand:
    assignment: Assignment
    sandbox: Sandbox
    policy: Policy
    printed: Path
    """Where its output goes, out of its own reach."""

    @property
    def spec(self) -> ToolSpec:
        command = self.assignment.command
        about = (
            "Run a program in the working folder, without a shell: the program and its arguments one by one. "
            f"Programs: {', '.join(command.tools) or 'none'}. You get its status and the end of what it printed."
        )
        # What may ask hosts may have had an effect there, which nobody can look up.
        if command.hosts:
            return ToolSpec("run_command", about, _SCHEMA, "outside", repeatable=command.repeatable)
        return ToolSpec("run_command", about, _SCHEMA, "workspace")

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        command = self.assignment.command
        refused = check(self.policy, tuple(arguments["argv"]), command.tools, command.hosts)
        refused += without_network(self.sandbox.level, command.hosts)
        return " ".join(each.detail for each in refused) or None

    def summary(self, arguments: Mapping[str, Any]) -> str:
        return "run " + " ".join(map(repr, arguments["argv"]))

    async def perform(self, arguments: Mapping[str, Any], key: str) -> ToolResult:
        del key
        ran = await run(self, tuple(arguments["argv"]), arguments.get("timeout_s", USUAL))
        return ToolResult("\n".join(filter(None, (ran.ended, ran.printed))), failed=not ran.well)

    async def look_up(self, key: str) -> ToolResult | None:
        del key
        return None


@dataclass(frozen=True)
class Ran:
    ended: str
    """In a sentence: how it did, or why it was not run."""
    printed: str = ""
    """The end of it."""
    well: bool = False


async def run(tool: RunCommand, argv: tuple[str, ...], timeout_s: float) -> Ran:
    """Raises SandboxLost."""
    assignment, limits = tool.assignment, tool.policy.limits
    command = SandboxCommand(
        argv=argv,
        tools=assignment.command.tools,
        workspace=assignment.folder,
        log=tool.printed,
        timeout_s=min(timeout_s, limits.wall_s),
        limits=limits,
        hosts=assignment.command.hosts,
        guarded=tuple(assignment.guarded),
        environment=assignment.environment,
    )
    try:
        outcome = await tool.sandbox.perform(command)
    except (CommandRefused, SandboxUnavailable) as error:
        return Ran(str(error))
    text = await asyncio.to_thread(_end_of, tool.printed)
    if outcome.timed_out:
        return Ran(f"It was ended after {command.timeout_s:g} s.", text)
    if outcome.exit_code is None:
        return Ran(f"It was ended because it passed a limit: {outcome.stopped}.", text)
    return Ran(f"It ended with status {outcome.exit_code}.", text, well=outcome.exit_code == 0)


def _end_of(log: Path) -> str:
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - 4 * MOST_OUTPUT))
            text = file.read().decode(errors="replace")[-MOST_OUTPUT:]
    except FileNotFoundError:
        return ""
    return text if size <= len(text.encode()) else f"(Only the end is shown.)\n{text}"
