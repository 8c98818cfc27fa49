"""How an attempt ended, judged from what was seen of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestra.contracts.execution import Evidence
from orchestra.contracts.planning import Command, FailOn
from orchestra.executor.domain.attempt import Failed, HeldAttempt
from orchestra.executor.domain.policy import MIB, Limits, Policy, Refusal, check, check_names

REHEARSED = Evidence(sandbox_level="none", duration_ms=0, dry_run=True)
"""The evidence of a dry run: nothing was performed."""


def obstacle(policy: Policy, attempt: HeldAttempt, missing: Sequence[str]) -> Failed | None:
    """What keeps the attempt from being begun, if anything.

    `missing` are paths of its workspace whose content the workspace does not know. What predecessors must hand on is
    not asked of a dry run: there they have produced nothing.
    """
    dispatch = attempt.dispatch
    if refusals := _refusals(policy, dispatch.command):
        return Failed("policy", " ".join(refusal.detail for refusal in refusals))
    if missing:
        return Failed("permanent", f"No artifact is known for {_listed(missing)}.")
    if dispatch.left_out:
        count = len(dispatch.handed_on) + dispatch.left_out
        return Failed("permanent", f"{count} files of its predecessors are too many: let them make an archive.")
    handed_on = {handed.path for handed in dispatch.handed_on}
    absent = [path for path in dispatch.command.needs if path not in handed_on]
    if absent and not dispatch.dry_run:
        return Failed("permanent", f"No predecessor handed on {_listed(absent)}.")
    return None


def _refusals(policy: Policy, command: Command) -> list[Refusal]:
    if command.agent is not None:
        return check_names(policy, command.tools, command.hosts)
    return check(policy, command.argv, command.tools, command.hosts)


@dataclass(frozen=True)
class Seen:
    """What was seen of a command that has ended."""

    exit_code: int | None
    stopped: str | None
    """The limit for which it was ended."""
    printed: str | None
    """The first of the texts of `fail_on` that it printed."""
    allowed_s: float
    """How long it might run."""
    memory_bytes: int = Limits.memory_bytes
    """What all of its processes together might hold."""


def fault(fail_on: FailOn, seen: Seen) -> Failed | None:
    """Why the command failed, or None when all went well.

    A limit that was passed once will be passed again, so only a plain non-zero status or a text is worth another try.
    """
    if seen.stopped == "timeout":
        return Failed("timeout", f"It ran for longer than {seen.allowed_s:g} s.")
    if seen.stopped == "memory":
        held = f"{seen.memory_bytes / MIB:g} MiB for all of its processes together"
        return Failed("permanent", f"It was ended because it passed a limit of the policy: memory, {held}.")
    if seen.exit_code is None:
        return Failed("permanent", f"It was ended because it passed a limit of the policy: {seen.stopped}.")
    if seen.exit_code in fail_on.exit:
        return Failed("permanent", f"It ended with status {seen.exit_code}, which the task takes as final.")
    if seen.exit_code != 0:
        return Failed("transient", f"It ended with status {seen.exit_code}.")
    if seen.printed is not None:
        return Failed("transient", f"It printed {seen.printed!r}, which the task takes as a failure.")
    return None


def printed(fail_on: FailOn, output: bytes) -> str | None:
    """The first of the texts that stands in the output."""
    return next((text for text in fail_on.output if text.encode() in output), None)


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(map(repr, paths[:10]))  # databases and terminals do not take every character
    return f"{shown} and {len(paths) - 10} more" if len(paths) > 10 else shown
