"""Perform an attempt: outside any transaction, under a lease."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from orchestra.chassis.streams import Streams
from orchestra.contracts.execution import Artifact, Evidence
from orchestra.contracts.ids import Sha256
from orchestra.contracts.output import output_of
from orchestra.contracts.planning import Input
from orchestra.executor.application.performance import until_stopped
from orchestra.executor.application.ports import (
    Artifacts,
    BadOutputs,
    BadWorkspace,
    CommandRefused,
    Outcome,
    Sandbox,
    SandboxCommand,
    SandboxLost,
    SandboxUnavailable,
    UnknownArtifact,
    Workspaces,
)
from orchestra.executor.application.show_output import shown
from orchestra.executor.domain.attempt import Ending, Failed, HeldAttempt, Succeeded
from orchestra.executor.domain.paths import lies_in
from orchestra.executor.domain.policy import Policy
from orchestra.executor.domain.verdict import Seen, fault, printed

TAIL = 2000
"""Characters of the log in the evidence."""

_NOT_A_NAME = re.compile(r"[^a-z0-9]")


@dataclass(frozen=True)
class Bench:
    """What attempts are performed with."""

    sandbox: Sandbox
    workspaces: Workspaces
    artifacts: Artifacts
    policy: Policy
    logs: Path
    """A directory of this service's own, out of reach of any command."""
    streams: Streams
    """Where output is shown while a command runs."""

    def log_of(self, workspace: Path) -> Path:
        return self.logs / f"{workspace.name}.log"


async def perform_attempt(
    bench: Bench, attempt: HeldAttempt, stopped: asyncio.Future[Failed], on_started: Callable[[int], None]
) -> Ending:
    """What became of it; nothing of it is left then: no process, no workspace.

    Once `stopped` has a result the command is ended, and that is what became of it, with the log so far.
    """
    workspace = None
    try:
        inputs = [Input(path=path, sha256=sha256) for path, sha256 in attempt.contents.items()]
        workspace = await bench.workspaces.build(attempt.id, inputs)
        if stopped.done():
            return stopped.result()
        return await _perform(bench, attempt, workspace, stopped, on_started)
    except (BadWorkspace, UnknownArtifact) as error:
        return Failed("permanent", str(error))
    except (CommandRefused, SandboxUnavailable) as error:
        return Failed("policy", str(error))
    except SandboxLost as error:
        return Failed("lost", str(error))
    finally:
        if workspace is not None:
            await bench.workspaces.remove(workspace, bench.log_of(workspace))


async def _perform(
    bench: Bench,
    attempt: HeldAttempt,
    workspace: Path,
    stopped: asyncio.Future[Failed],
    on_started: Callable[[int], None],
) -> Ending:
    wanted = attempt.dispatch.command
    command = SandboxCommand(
        argv=wanted.argv,
        tools=wanted.tools,
        workspace=workspace,
        log=bench.log_of(workspace),
        timeout_s=min(wanted.timeout_s, bench.policy.limits.wall_s),
        limits=bench.policy.limits,
        hosts=wanted.hosts,
        guarded=tuple(protected_of(bench.policy, attempt)),
        environment=environment_of(attempt),
    )
    began = time.monotonic()
    with shown(command.log, bench.streams, output_of(attempt.workspace_id, attempt.id)):
        running = await until_stopped(bench.sandbox.perform(command, on_started), stopped)
    if running.cancelled():
        evidence = await evidence_of(bench, command.log, duration_ms=round(1000 * (time.monotonic() - began)))
        return replace(stopped.result(), evidence=evidence)
    return await _judge(bench, attempt, command, running.result())


def environment_of(attempt: HeldAttempt) -> dict[str, str]:
    """What a command is told of its attempt; the fencing tokens of its mutexes are for whatever these guard."""
    dispatch = attempt.dispatch
    tokens = {f"ORCHESTRA_MUTEX_{_NOT_A_NAME.sub('_', n).upper()}": str(t) for n, t in dispatch.mutexes.items()}
    guidance = {"ORCHESTRA_GUIDANCE": "\n\n".join(dispatch.guidance)} if dispatch.guidance else {}
    return {"ORCHESTRA_ATTEMPT": str(dispatch.number), **tokens, **guidance}


def protected_of(policy: Policy, attempt: HeldAttempt) -> Mapping[str, Sha256]:
    """{path: content} of what it was given in places that the policy protects."""
    return {path: sha256 for path, sha256 in attempt.contents.items() if lies_in(path, policy.protected)}


async def _judge(bench: Bench, attempt: HeldAttempt, command: SandboxCommand, outcome: Outcome) -> Ending:
    wanted = attempt.dispatch.command
    evidence = await evidence_of(
        bench,
        command.log,
        exit_code=outcome.exit_code,
        duration_ms=outcome.duration_ms,
        cpu_ms=outcome.cpu_ms,
        peak_kb=outcome.peak_kb,
    )
    text = printed(wanted.fail_on, await asyncio.to_thread(command.log.read_bytes)) if wanted.fail_on.output else None
    seen = Seen(outcome.exit_code, outcome.stopped, text, command.timeout_s, command.limits.memory_bytes)
    if failed := fault(wanted.fail_on, seen):
        return replace(failed, evidence=evidence)
    guarded = protected_of(bench.policy, attempt)
    if guarded and (altered := await bench.workspaces.altered(command.workspace, guarded)):
        changed = ", ".join(map(repr, altered[:10]))
        return Failed("permanent", f"It changed {changed}, which the policy protects.", evidence)
    try:
        outputs = await bench.workspaces.collect(
            command.workspace, wanted.outputs, command.limits, bench.policy.protected
        )
    except BadOutputs as error:
        return Failed("permanent", str(error), evidence)
    return Succeeded(evidence, outputs)


async def evidence_of(bench: Bench, log: Path, **measured: object) -> Evidence:
    """What was measured, by the fields of Evidence; the log as an artifact, where it came far enough to have one."""
    kept, tail = None, await asyncio.to_thread(_tail, log)
    if tail is not None:
        stored = await bench.artifacts.put(log)
        kept = Artifact(path="log.txt", sha256=stored.sha256, size=stored.size)
    found = {"sandbox_level": bench.sandbox.level.name, "cgroup": bench.sandbox.grouping.version}
    return Evidence.model_validate({**found, "log": kept, "tail": tail or "", **measured})


def _tail(log: Path) -> str | None:
    """The end of the log as text, None where there is no log; databases take no NUL character."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - 4 * TAIL))
            return file.read().decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")[-TAIL:]
    except FileNotFoundError:
        return None
