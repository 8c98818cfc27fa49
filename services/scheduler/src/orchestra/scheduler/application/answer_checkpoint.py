"""A person answers a checkpoint: try the task again, go on without it, or leave it failed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orchestra.contracts.checkpoints import CheckpointAnswer
from orchestra.contracts.ids import CheckpointId, Sha256, WorkspaceId
from orchestra.scheduler.application.checkpoint_ports import Raised
from orchestra.scheduler.application.checkpoints import close
from orchestra.scheduler.application.decide_task import decide_task
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.retry_task import retry_task
from orchestra.scheduler.application.skip_task import skip_task
from orchestra.scheduler.domain.checkpoint_errors import CheckpointClosed
from orchestra.scheduler.domain.work.checkpoint import carried, with_edits
from orchestra.scheduler.domain.work.task import Task


@dataclass(frozen=True)
class Answer:
    """What somebody says. Guidance and `inputs` {path: content} are what further tries of the task are given."""

    choice: CheckpointAnswer
    guidance: str = ""
    inputs: Mapping[str, Sha256] | None = None


async def held_checkpoint(work: SchedulingWork, workspace_id: WorkspaceId, checkpoint_id: CheckpointId) -> Raised:
    """It, with its project held. Raises UnknownCheckpoint."""
    found = await work.checkpoints.find(workspace_id, checkpoint_id)
    await work.projects.hold(workspace_id, found.checkpoint.project_id)
    return await work.checkpoints.find(workspace_id, checkpoint_id)


async def answer_checkpoint(
    work: SchedulingWork, workspace_id: WorkspaceId, checkpoint_id: CheckpointId, answer: Answer, by: str
) -> Task:
    """The task as it was.

    Raises UnknownCheckpoint, CheckpointClosed where it was answered before or is open no more, UnknownInput.
    """
    raised = await held_checkpoint(work, workspace_id, checkpoint_id)
    checkpoint, task = raised.checkpoint, raised.task
    if checkpoint.status != "open":
        said = f": {checkpoint.answer}" if checkpoint.answer else ""
        raise CheckpointClosed(checkpoint.id, f"it is {checkpoint.status}{said}")
    if answer.guidance:
        await work.tasks.change([task.id], guidance=list(carried([*task.guidance, answer.guidance])))
    if answer.inputs:
        await _edit(work, task, answer.inputs)
    said = replace(raised, checkpoint=replace(checkpoint, guidance=answer.guidance, inputs=answer.inputs or None))
    await close(work, said, "answered", f"{by} answered: {answer.choice}", answer.choice)
    if answer.choice == "retry":
        await retry_task(work, workspace_id, task.id, by)
    elif answer.choice == "skip":
        await skip_task(work, workspace_id, task.id, by)
    elif task.status == "waiting":
        await decide_task(work, workspace_id, task.id, "fail", by)
    return task


async def _edit(work: SchedulingWork, task: Task, inputs: Mapping[str, Sha256]) -> None:
    command = await work.checkpoints.next_command(task.id)
    handed_on = (await work.tasks.handed_on([task.id])).get(task.id, ())
    given = (*command.inputs, *handed_on) if command else handed_on
    await work.tasks.change([task.id], edits=[list(each) for each in with_edits(task.edits, given, inputs)])
