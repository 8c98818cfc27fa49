"""What an answer means for an agent's attempt that waits for it.

The checkpoint is closed, and the caller holds the project.
"""

from dataclasses import replace

from orchestra.contracts.checkpoints import CheckpointAnswer
from orchestra.contracts.execution import Evidence, Verification
from orchestra.contracts.machine_work import AgentAnswer
from orchestra.contracts.suspensions import ApprovalNeeded, QuestionAsked, VerificationNeeded
from orchestra.scheduler.application.advance_run import advance_runs_of
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.checkpoint_ports import Raised
from orchestra.scheduler.application.end_work import end_work
from orchestra.scheduler.application.gate_ports import Finished
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.suspend import go_on
from orchestra.scheduler.domain.work import dialogue
from orchestra.scheduler.domain.work.checkpoint import Checkpoint
from orchestra.scheduler.domain.work.task import Task


async def hear(work: SchedulingWork, raised: Raised, choice: CheckpointAnswer, by: str) -> None:
    """It goes on with what was said, is done because a person says so, or has failed."""
    checkpoint, task = raised.checkpoint, raised.task
    cause = f"{by} answered: {choice}"
    if choice == "fail":
        await _give_up(work, task, checkpoint, by)
    elif choice == "accept":
        await _accept(work, task, by, cause)
    else:
        if isinstance(checkpoint.asks, VerificationNeeded):
            task = replace(task, dialogue=dialogue.lacking(task.dialogue, "; ".join(checkpoint.asks.findings)))
        await go_on(work, task, cause, _said(checkpoint, choice, by))
    await advance_runs_of(work, [task], f"{task.key}: {choice}")


def _said(checkpoint: Checkpoint, choice: CheckpointAnswer, by: str) -> AgentAnswer | None:
    """What the next attempt is told, beside the guidance."""
    match checkpoint.asks:
        case QuestionAsked(id=question):
            return AgentAnswer(checkpoint_id=checkpoint.id, about="question", id=question, text=checkpoint.said, by=by)
        case ApprovalNeeded(digest=digest):
            approved, why = choice == "approve", checkpoint.guidance
            return AgentAnswer(
                checkpoint_id=checkpoint.id, about="approval", id=digest, approved=approved, text=why, by=by
            )
        case _:
            return None


async def _accept(work: SchedulingWork, task: Task, by: str, cause: str) -> None:
    """The proof of it is the person's word, beside all that was found."""
    said = task.dialogue
    assert said is not None  # it waits for just that
    last = said.suspended
    assert last is not None
    findings = last.waits_for.findings if isinstance(last.waits_for, VerificationNeeded) else ()
    proof = last.evidence or Evidence(sandbox_level="none", duration_ms=0)
    proof = proof.model_copy(update={"verification": Verification(verdict="passed", by=by, findings=findings)})
    finished = Finished(task, last.started_at, work.now, said.kept, proof)
    await end_work(work, [finished], cause)


async def _give_up(work: SchedulingWork, task: Task, checkpoint: Checkpoint, by: str) -> None:
    failure = "budget" if checkpoint.kind == "budget" else "permanent"
    reason = f"{by} ended it instead of answering ({checkpoint.kind})"
    last = {"class": failure, "reason": reason, "attempt": task.attempts}
    await work.tasks.change([task.id], status="failed", ended_at=work.now, last_failure=last)
    await tell(work, [moved(task, "failed", reason)])
