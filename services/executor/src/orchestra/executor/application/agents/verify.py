"""Verification: whether the work of an agent is done, by its checks or by a fresh model. The agent has no say in it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from orchestra.contracts.execution import Verification
from orchestra.executor.application.agents.ports import BadFile, Files
from orchestra.executor.application.agents.tools.run_command import RunCommand, run
from orchestra.executor.application.models.ports import (
    Call,
    Caller,
    InvalidAnswer,
    LimitMet,
    ModelRefused,
    Models,
    Said,
)
from orchestra.executor.domain.agents.judging import INSTRUCTIONS, SCHEMA, SHOWN, bounded, judged, question
from orchestra.executor.domain.attempt import HeldAttempt

CHECK_S = 600


@dataclass(frozen=True)
class Work:
    """What is to be judged."""

    attempt: HeldAttempt
    summary: str
    paths: Sequence[str]
    """Files that it has left."""
    caller: Caller


async def verify(
    models: Callable[[], Awaitable[Models]], files: Files, runner: RunCommand, work: Work
) -> Verification | None:
    """None where nobody is to verify. Raises BudgetExhausted, NoModel, ModelAway, SandboxLost."""
    brief = work.attempt.dispatch.command.agent
    assert brief is not None
    if brief.verify == "none":
        return None
    if brief.checks and (failed := await _check(runner, brief.checks)):
        return Verification(verdict="gaps_found", by="checks", findings=bounded(failed))
    if brief.verify == "checks":
        if not brief.checks:
            return Verification(verdict="human_needed", by="checks", findings=("There are no checks.",))
        return Verification(verdict="passed", by="checks")
    return await _asked(await models(), files, work)


async def _check(runner: RunCommand, checks: Sequence[tuple[str, ...]]) -> list[str]:
    """Why those failed that did."""
    failed: list[str] = []
    for argv in checks:
        if refused := runner.refusal({"argv": argv}):
            failed.append(f"The check {' '.join(argv)} cannot be run: {refused}")
            continue
        ran = await run(runner, argv, CHECK_S)
        if not ran.well:
            failed.append(f"The check {' '.join(argv)} failed. {ran.ended} {ran.printed[-300:].strip()}".strip())
    return failed


async def _asked(models: Models, files: Files, work: Work) -> Verification:
    brief = work.attempt.dispatch.command.agent
    assert brief is not None
    shown = [(path, await _beginning(files, path)) for path in work.paths]
    call = Call(
        work.caller,
        (Said("user", question(work.attempt.dispatch.title, brief, work.summary, shown)),),
        instructions=INSTRUCTIONS,
        schema=SCHEMA,
        difficulty="medium",
    )
    try:
        answer = await models.ask(call)
    except InvalidAnswer as invalid:
        return judged(None, invalid.args[0].partition(":")[0])
    except (ModelRefused, LimitMet) as refused:
        return Verification(verdict="human_needed", by="a model", findings=bounded([str(refused)]))
    return judged(answer.value, answer.model)


async def _beginning(files: Files, path: str) -> str | None:
    try:
        content, _ = await files.read(path, 4 * SHOWN)
    except BadFile:
        return None
    return None if b"\0" in content else content.decode(errors="replace")
