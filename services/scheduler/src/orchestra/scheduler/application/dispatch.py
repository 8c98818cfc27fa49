"""Give machine tasks out: an attempt, its token, and the event that has all that an executor needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from orchestra.contracts.files import fitting
from orchestra.contracts.ids import AttemptId, MemberId, TaskId
from orchestra.contracts.planning import Input
from orchestra.contracts.scheduling import Handed, TaskDispatched
from orchestra.scheduler.application.changes import moved, tell
from orchestra.scheduler.application.limit_ports import Tokens
from orchestra.scheduler.application.ports import Dispatch, SchedulingWork
from orchestra.scheduler.domain.people.member import ANY_AGENT, Member
from orchestra.scheduler.domain.work.checkpoint import edited
from orchestra.scheduler.domain.work.limits import Allowance
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task


async def send(
    work: SchedulingWork,
    run: Run,
    taken: Sequence[tuple[Task, MemberId, AttemptId]],
    handed_on: Mapping[TaskId, Sequence[Handed]],
    allowances: Sequence[Allowance],
    members: Sequence[Member],
) -> None:
    tokens: Tokens = {}
    if allowances:
        tokens = await work.limits.take(run, [(task, attempt) for task, _, attempt in taken], allowances)
    if ids := [task.id for task, _, _ in taken if _is_agents(task)]:
        handed_on = {**handed_on, **await work.tasks.handed_on(ids, whose=True)}
    agents = {member.id: member.agent or "" for member in members}
    work.tasks.queue(taken)
    await begin_anew(work, [task for task, _, _ in taken if task.attempts])
    for task, member, attempt_id in taken:
        files, held = handed_on.get(task.id, ()), tokens.get(attempt_id)
        event = dispatched(work, task, attempt_id, files, run, held, agents.get(member, ""))
        work.publish(event, trace=run.trace)
    await tell(work, [moved(task, "queued", "a slot is free", member) for task, member, _ in taken])
    await work.flush()


async def send_again(work: SchedulingWork, dispatch: Dispatch, task: Task) -> None:
    """The same attempt, for an executor that may not have heard of it. The caller holds the project."""
    run = await work.runs.get(dispatch.run_id)
    handed_on = (await work.tasks.handed_on([task.id], whose=_is_agents(task))).get(task.id, ())
    tokens = (await work.limits.of_attempts([dispatch.attempt_id])).get(dispatch.attempt_id)
    agent = ""
    if _is_agents(task):
        members = await work.members.of_project(task.workspace_id, task.project_id)
        # Whoever had it may have left the team; then any agent does it.
        agent = next((m.agent for m in members if m.id == dispatch.member_id and m.agent), ANY_AGENT)
    event = dispatched(work, task, dispatch.attempt_id, handed_on, run, tokens, agent)
    work.publish(event.model_copy(update={"number": dispatch.number, "token": dispatch.token}), trace=run.trace)
    await work.dispatches.sent_again([dispatch.attempt_id])


def dispatched(
    work: SchedulingWork,
    task: Task,
    attempt_id: AttemptId,
    handed_on: Sequence[Handed],
    run: Run,
    tokens: Mapping[str, int] | None = None,
    agent: str = "",
) -> TaskDispatched:
    """The event for an attempt that `queue` has just made of the task."""
    assert task.command is not None
    command = task.command
    if task.edits:
        command = command.model_copy(update={"inputs": edited(command.inputs, task.edits)})
        handed_on = edited(handed_on, task.edits)
    named = fitting(each.path + each.key + each.title for each in handed_on)
    return TaskDispatched.model_construct(
        workspace_id=task.workspace_id,
        project_id=task.project_id,
        sequence=1,
        run_id=run.id,
        task_id=task.id,
        attempt_id=attempt_id,
        number=task.attempts + 1,
        token=task.token + 1,
        key=task.key,
        title=task.title,
        command=command,
        handed_on=tuple(handed_on[:named]),
        left_out=len(handed_on) - named,
        dry_run=run.dry_run,
        mutexes=dict(tokens or {}),
        guidance=task.guidance,
        **_for_agent(task, agent),
        at=work.now,
    )


def _for_agent(task: Task, agent: str) -> dict[str, Any]:
    if not _is_agents(task):
        return {}
    if task.dialogue is None:
        return {"agent": agent}
    kept = task.dialogue.kept
    return {
        "agent": agent,
        "feedback": task.dialogue.feedback,
        "answers": task.dialogue.answers,
        "kept": tuple(Input(path=o.path, sha256=o.sha256) for o in kept[: fitting(each.path for each in kept)]),
    }


def _is_agents(task: Task) -> bool:
    return task.command is not None and task.command.agent is not None


async def begin_anew(work: SchedulingWork, tasks: Sequence[Task]) -> None:
    """What counts for others is the start of this try."""
    watched = [task.id for task in tasks if task.watched]
    if watched:
        await work.gates.forget(watched)
