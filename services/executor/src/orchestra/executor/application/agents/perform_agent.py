"""Perform an attempt of an agent: a model with tools in a workspace, under a lease, and whether its work is done."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from orchestra.contracts.execution import Artifact, Evidence, Verification
from orchestra.contracts.files import fitting
from orchestra.contracts.ids import Sha256
from orchestra.contracts.machine_work import AgentBrief
from orchestra.contracts.output import output_of
from orchestra.contracts.planning import Input
from orchestra.contracts.suspensions import Suspension
from orchestra.executor.application.agents.broker import Broker, Validate
from orchestra.executor.application.agents.endings import FAILURES, failure_of, waits_for
from orchestra.executor.application.agents.journal_ports import Earlier, Journal, NotHeld
from orchestra.executor.application.agents.ports import (
    Assignment,
    Conversations,
    Files,
    Finished,
    Knowledge,
    Meanwhile,
    Talk,
    Tool,
    ToolAway,
    Toolbox,
    Waits,
)
from orchestra.executor.application.agents.tools.ask_human import AskHuman
from orchestra.executor.application.agents.tools.run_command import RunCommand
from orchestra.executor.application.agents.tools.within import ApplyPatch, ListFiles, ReadFile, WriteFile
from orchestra.executor.application.agents.verify import Work, verify
from orchestra.executor.application.models.ports import ModelAway, Models
from orchestra.executor.application.money.ports import Purse
from orchestra.executor.application.perform_attempt import Bench, environment_of, evidence_of, protected_of
from orchestra.executor.application.performance import NOT_RENEWED, until_stopped
from orchestra.executor.application.ports import BadOutputs, BadWorkspace, SandboxLost, UnknownArtifact
from orchestra.executor.application.show_output import shown
from orchestra.executor.domain.agents.context import FORWARDED, INSTRUCTIONS, Context, Forwarded, prompt
from orchestra.executor.domain.attempt import Ending, Failed, HeldAttempt, Succeeded, Suspended
from orchestra.executor.domain.models.routing import Overrides
from orchestra.executor.domain.money.errors import BudgetExhausted


class AgentModels(Models, Conversations, Protocol):
    """Models that are asked, and that converse."""


class OpenFiles(Protocol):
    async def __call__(self, workspace: Path) -> Files: ...


class Standing(Protocol):
    """What is known of a task's attempts. Each of these is a transaction of its own."""

    async def begin(self, attempt: HeldAttempt) -> Earlier:
        """Also sets the task's budget by its brief, unless somebody has set it."""
        ...

    async def spent(self, attempt: HeldAttempt) -> int:
        """Micro-dollars, by the ledger."""
        ...


@dataclass(frozen=True)
class AgentBench:
    """What attempts of agents are performed with."""

    bench: Bench
    models: Callable[[], Awaitable[AgentModels]]
    files: OpenFiles
    journal: Journal
    standing: Standing
    purse: Purse
    validate: Validate
    toolboxes: Sequence[Toolbox]
    knowledge: Knowledge


async def perform_agent(
    desk: AgentBench, attempt: HeldAttempt, stopped: asyncio.Future[Failed], on_started: Callable[[int], None]
) -> Ending:
    """What became of it; no process and no workspace of it is left then.

    Once `stopped` has a result it ends within a call of a tool or a model, and that is what became of it.
    """
    bench, workspace = desk.bench, None
    try:
        earlier = await desk.standing.begin(attempt)
        for lost in earlier.lost:  # before anything is repeated
            await desk.purse.recover(lost, attempt.dispatch.token)
        inputs = [Input(path=path, sha256=sha256) for path, sha256 in attempt.contents.items()]
        workspace = await bench.workspaces.build(attempt.id, inputs)
        on_started(0)
        return await _Attempt(desk, attempt, workspace, earlier).perform(stopped)
    except (BadWorkspace, UnknownArtifact) as error:
        return Failed("permanent", str(error))
    except SandboxLost as error:
        return Failed("lost", str(error))
    finally:
        if workspace is not None:
            await bench.workspaces.remove(workspace, bench.log_of(workspace), _printed(bench, workspace))


def _printed(bench: Bench, workspace: Path) -> Path:
    return bench.logs / f"{workspace.name}.printed"


class _Attempt:
    def __init__(self, desk: AgentBench, attempt: HeldAttempt, workspace: Path, earlier: Earlier) -> None:
        brief, agent = attempt.dispatch.command.agent, attempt.agent
        assert brief is not None, "it is work for an agent"
        assert agent is not None, "one has it"
        self._desk, self._attempt, self._brief = desk, attempt, brief
        dispatch = attempt.dispatch
        self._guarded = _guarded(desk.bench, attempt, brief)
        self._assignment = Assignment(
            workspace_id=dispatch.workspace_id,
            project_id=dispatch.project_id,
            run_id=dispatch.run_id,
            task_id=dispatch.task_id,
            attempt_id=dispatch.attempt_id,
            token=dispatch.token,
            conversation=earlier.conversation,
            agent=agent.name,
            command=dispatch.command,
            folder=workspace,
            log=desk.bench.log_of(workspace),
            answers=dispatch.answers,
            environment=environment_of(attempt),
            guarded=tuple(self._guarded),
        )
        self._runner = RunCommand(
            self._assignment, desk.bench.sandbox, desk.bench.policy, _printed(desk.bench, workspace)
        )
        self._meanwhile = Meanwhile()
        self._model = agent.model
        self._began = time.monotonic()
        self._said = 0

    async def perform(self, stopped: asyncio.Future[Failed]) -> Ending:
        attempt, bench = self._attempt, self._desk.bench
        allowed = min(attempt.dispatch.command.timeout_s, bench.policy.limits.wall_s)
        self._say(f"{self._assignment.agent} begins: {attempt.dispatch.title}")
        with shown(self._assignment.log, bench.streams, output_of(attempt.workspace_id, attempt.id)):
            working = await until_stopped(self._work(), stopped, allowed)
        if not working.cancelled():
            return working.result()
        evidence = await self._evidence()
        if stopped.done():
            return replace(stopped.result(), evidence=evidence)
        return Failed("timeout", f"It worked for longer than {allowed:g} s.", evidence)

    async def _work(self) -> Ending:
        files = await self._desk.files(self._assignment.folder)
        try:
            return await self._converse_and_verify(files)
        except (Waits, BudgetExhausted, ModelAway, ToolAway) as stopped:
            return await self._suspended(files, waits_for(stopped, datetime.now(UTC)))
        except NotHeld:
            return NOT_RENEWED
        except tuple(FAILURES) as error:
            return Failed(failure_of(error), str(error) or type(error).__name__, await self._evidence())

    async def _converse_and_verify(self, files: Files) -> Ending:
        desk, attempt, assignment = self._desk, self._attempt, self._assignment
        opening = await desk.journal.opening(assignment, self._opening(files))
        tools = {tool.spec.name: tool for tool in await self._tools(files)}
        broker = Broker(
            assignment, desk.journal, files, tools, frozenset(self._brief.approve), desk.validate, self._say
        )
        talk = Talk(
            assignment.caller("attempt", assignment.conversation),
            INSTRUCTIONS,
            opening,
            broker.specs,
            self._brief.rounds,
            self._brief.max_tokens,
            self._brief.kind,
            self._brief.difficulty,
            Overrides(task=self._brief.model, agent=self._model),
        )
        models = await desk.models()
        finished = await models.converse(talk, broker.use, self._say, self._meanwhile)
        self._say(f"Finished: {finished.summary}")
        bench, command = desk.bench, attempt.dispatch.command
        if altered := await self._altered():
            return Failed("permanent", f"It changed {altered}, which stays as it was given.", await self._evidence())
        try:
            outputs = await bench.workspaces.collect(
                assignment.folder, command.outputs, bench.policy.limits, bench.policy.protected
            )
        except BadOutputs as error:
            return Failed("gaps", str(error), await self._evidence(finished))
        # Verified is what was collected: checks run after it, and may change what they like.
        paths = [output.path for output in outputs] or [c.path for c in await files.changed() if c.sha256]
        caller = assignment.caller("verify", f"{assignment.conversation}/verify")
        verification = await verify(desk.models, files, self._runner, Work(attempt, finished.summary, paths, caller))
        if verification is not None:
            self._say(f"Verification by {verification.by}: {verification.verdict}. " + " ".join(verification.findings))
        if verification is None or verification.verdict == "passed":
            await desk.knowledge.learn(assignment, finished.findings)
        return Succeeded(await self._evidence(finished, verification), outputs)

    async def _altered(self) -> str:
        given = self._guarded
        altered = await self._desk.bench.workspaces.altered(self._assignment.folder, given) if given else []
        return ", ".join(map(repr, altered[:10]))

    async def _tools(self, files: Files) -> list[Tool]:
        assignment, policy = self._assignment, self._desk.bench.policy
        wanted = self._brief.tools
        own: list[Tool] = [
            ReadFile(files),
            ListFiles(files),
            WriteFile(files, policy, assignment),
            ApplyPatch(files, policy, assignment),
            AskHuman(assignment),
            self._runner,
        ]
        tools = [tool for tool in own if tool.spec.name in wanted]
        for toolbox in self._desk.toolboxes:
            tools += await toolbox.tools(assignment, wanted)
        return tools

    def _opening(self, files: Files) -> Callable[[], Awaitable[str]]:
        async def make() -> str:
            dispatch, assignment = self._attempt.dispatch, self._assignment
            forwarded: list[Forwarded] = []
            for handed in dispatch.handed_on:
                content, size = await files.read(handed.path, 4 * FORWARDED)
                text = None if b"\0" in content else content.decode(errors="replace")
                forwarded.append(Forwarded(handed.path, size, text))
            about = " ".join([dispatch.title, self._brief.instructions, *self._brief.criteria])
            known = await self._desk.knowledge.briefing(assignment.workspace_id, assignment.project_id, about)
            effects = await self._desk.journal.effects(assignment)
            return prompt(
                Context(
                    dispatch.title,
                    self._brief,
                    dispatch.command.outputs,
                    forwarded,
                    known,
                    dispatch.guidance,
                    dispatch.feedback,
                    effects,
                )
            )

        return make

    async def _suspended(self, files: Files, suspension: Suspension) -> Ending:
        left = {each.path: each for each in await files.changed() if each.sha256 is not None}
        paths = sorted(left)
        kept = paths[: fitting(paths)]
        outputs = tuple(Artifact(path=p, sha256=left[p].sha256 or "", size=left[p].size) for p in kept)
        self._say(f"It rests, and waits for: {suspension.kind}.")
        return Suspended(suspension, await self._evidence(), outputs)

    async def _evidence(self, finished: Finished | None = None, verification: Verification | None = None) -> Evidence:
        used = self._meanwhile.usage
        return await evidence_of(
            self._desk.bench,
            self._assignment.log,
            duration_ms=round(1000 * (time.monotonic() - self._began)),
            verification=verification,
            agent=self._assignment.agent,
            model=self._meanwhile.model,
            rounds=self._meanwhile.rounds,
            tokens=used.input + used.output,
            cost_micros=await self._desk.standing.spent(self._attempt),
            summary=finished.summary[:2_000] if finished else "",
        )

    def _say(self, text: str) -> None:
        """Added to the log, which people see while it works. It never grows beyond what a command may print."""
        line = f"{text}\n".encode(errors="replace")
        self._said += len(line)
        if self._said <= self._desk.bench.policy.limits.output_bytes:
            with self._assignment.log.open("ab") as log:
                log.write(line)


def _guarded(bench: Bench, attempt: HeldAttempt, brief: AgentBrief) -> Mapping[str, Sha256]:
    """{path: content} of what it was given in places that the policy protects, and what its checks are made of."""
    checked = {argument for check in brief.checks for argument in check}
    made_of = {each.path for each in attempt.dispatch.command.inputs if each.path in checked}
    return {**protected_of(bench.policy, attempt), **{path: attempt.contents[path] for path in made_of}}
