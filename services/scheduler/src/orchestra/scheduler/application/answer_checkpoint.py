"""A person answers a checkpoint: try the task again, go on without it, leave it failed, or what its agent asks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestra.contracts.checkpoints import CheckpointAnswer
from orchestra.contracts.ids import CheckpointId, Sha256, WorkspaceId
from orchestra.contracts.suspensions import QuestionAsked
from orchestra.scheduler.application.checkpoint_ports import Raised
from orchestra.scheduler.application.checkpoints import close
from orchestra.scheduler.application.decide_task import decide_task
from orchestra.scheduler.application.hear_answer import hear
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.retry_task import retry_task
from orchestra.scheduler.application.skip_task import skip_task
from orchestra.scheduler.domain.checkpoint_errors import AnswerUnfit, CheckpointClosed
from orchestra.scheduler.domain.work.checkpoint import Checkpoint, carried, with_edits
from orchestra.scheduler.domain.work.task import Task


@dataclass(frozen=True)
class Answer:
    """What somebody says. Guidance and `inputs` {path: content} are what further tries of the task are given.

    `text` answers a question of its agent.
    """

    choice: CheckpointAnswer
    guidance: str = ""
    inputs: Mapping[str, Sha256] | None = None
    text: str = ""


async def held_checkpoint(work: SchedulingWork, workspace_id: WorkspaceId, checkpoint_id: CheckpointId) -> Raised:
    """It, with its project held. Raises UnknownCheckpoint."""
    found = await work.checkpoints.find(workspace_id, checkpoint_id)
    await work.projects.hold(workspace_id, found.checkpoint.project_id)
    return await work.checkpoints.find(workspace_id, checkpoint_id)


async def answer_checkpoint(
    work: SchedulingWork, workspace_id: WorkspaceId, checkpoint_id: CheckpointId, answer: Answer, by: str
) -> Task:
    """The task as it was.

    Raises UnknownCheckpoint, CheckpointClosed where it was answered before or is open no more, AnswerUnfit,
    UnknownInput.
    """
    raised = await held_checkpoint(work, workspace_id, checkpoint_id)
    checkpoint, task = raised.checkpoint, raised.task
    if checkpoint.status != "open":
        said = f": {checkpoint.answer}" if checkpoint.answer else ""
        raise CheckpointClosed(checkpoint.id, f"it is {checkpoint.status}{said}")
    _refuse_unfit(work, checkpoint, answer)
    if answer.guidance:
        await work.tasks.change([task.id], guidance=list(carried([*task.guidance, answer.guidance])))
    if answer.inputs:
        await _edit(work, task, answer.inputs)
    left = {"guidance": answer.guidance, "inputs": answer.inputs or None, "said": answer.text}
    said = replace(raised, checkpoint=replace(checkpoint, **left))
    await close(work, said, "answered", f"{by} answered: {answer.choice}", answer.choice)
    if checkpoint.asks is not None and answer.choice != "skip":
        await hear(work, said, answer.choice, by)
    elif answer.choice == "retry":
        await retry_task(work, workspace_id, task.id, by)
    elif answer.choice == "skip":
        await skip_task(work, workspace_id, task.id, by)
    elif task.status == "waiting":
        await decide_task(work, workspace_id, task.id, "fail", by)
    return task


def _refuse_unfit(work: SchedulingWork, checkpoint: Checkpoint, answer: Answer) -> None:
    """Time alone never approves: what has expired is approved no more, even before anybody has noticed."""
    if answer.choice not in checkpoint.choices:
        raise AnswerUnfit(answer.choice, f"it can be answered with {', '.join(checkpoint.choices)}")
    if answer.choice == "approve" and checkpoint.expired(work.now):
        raise CheckpointClosed(checkpoint.id, "its time is over")
    asks = checkpoint.asks
    if (
        answer.choice == "answer"
        and isinstance(asks, QuestionAsked)
        and asks.choices
        and answer.text not in asks.choices
    ):
        raise AnswerUnfit(answer.text, f"one of these is asked for: {' / '.join(asks.choices)}")


async def _edit(work: SchedulingWork, task: Task, inputs: Mapping[str, Sha256]) -> None:
    command = await work.checkpoints.next_command(task.id)
    handed_on = (await work.tasks.handed_on([task.id])).get(task.id, ())
    given = (*command.inputs, *handed_on) if command else handed_on
    await work.tasks.change([task.id], edits=[list(each) for each in with_edits(task.edits, given, inputs)])
