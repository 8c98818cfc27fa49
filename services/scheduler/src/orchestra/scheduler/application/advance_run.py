"""Bring a run as far as it can go now: admit what is ready, then say what the run is.

Level-triggered: it looks at what stands in the database, not at what just happened, so that it can be called after
any change and once too often without harm. The caller holds the project.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from orchestra.chassis.ids import new_id
from orchestra.contracts.execution import Evidence
from orchestra.contracts.ids import MemberId
from orchestra.contracts.planning import Command
from orchestra.contracts.scheduling import RunChanged, RunStatus, TaskStatus
from orchestra.scheduler.application.admit import kept_back, narrowed, remember
from orchestra.scheduler.application.changes import moved, publish_changes, tell
from orchestra.scheduler.application.dispatch import begin_anew, send
from orchestra.scheduler.application.end_work import end_work
from orchestra.scheduler.application.gate_ports import Finished
from orchestra.scheduler.application.ports import SchedulingWork, Standing
from orchestra.scheduler.application.replan import renew
from orchestra.scheduler.application.timers import begin_timers
from orchestra.scheduler.domain.people.member import Member, may_take
from orchestra.scheduler.domain.work.admission import room_for, share_out
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.status import RUN_OVER, RUN_TERMINAL, move_run, run_status
from orchestra.scheduler.domain.work.task import TIMER, Task, need_of_pool


async def advance_run(work: SchedulingWork, run: Run, cause: str, *, turn: int | None = None) -> Run:
    """The run as it is afterwards. One that is over, paused or too early stays so; a failed one may be reopened.

    `turn`: it is its turn among those that wait for limits and mutexes, for so many tasks.
    """
    early = run.status == "accepted" and run.early(work.now)
    if run.status in RUN_OVER or run.status == "paused" or early:
        return run
    return await go_on(work, run, cause, turn=turn)


async def advance_runs_of(work: SchedulingWork, tasks: Iterable[Task], cause: str) -> None:
    """The runs that these tasks are in, each once, in the order of their ids."""
    for run_id in sorted({task.run_id for task in tasks if task.run_id}):
        await advance_run(work, await work.runs.get(run_id), cause)


async def go_on(work: SchedulingWork, run: Run, cause: str, *, turn: int | None = None) -> Run:
    """The same for a run that somebody resumes."""
    stands = await work.standing(run)
    if stands.changed or stands.gone:
        await renew(work, stands.changed, stands.gone)
        stands = await work.standing(run)
    if run.dry_run and not all(need_of_pool(pool).command for pool in stands.pools):
        await _pass_people(work, run)
        stands = await work.standing(run)
    while TIMER in stands.pools and not run.dry_run and await begin_timers(work, run):
        stands = await work.standing(run)
    if work.projects.limited(run.workspace_id):
        work.wake("admission")  # what has ended may have made room for another run
    run, queued = await _dispatch(work, run, stands, turn)
    await _assign(work, run, stands)
    if queued and run.status == "running":
        return run
    return await _settle(work, run, stands.members, cause)


async def _dispatch(work: SchedulingWork, run: Run, stands: Standing, turn: int | None) -> tuple[Run, bool]:
    """The run then, and whether anything was dispatched."""
    members = stands.members
    whole = room_for(members, stands.in_hand, run.concurrency)
    wanted = [pool for pool in stands.pools if need_of_pool(pool).command and whole.for_pool(members, pool)]
    room = await narrowed(work, run, whole, wanted, turn) if wanted else whole
    open_pools = {pool: most for pool in wanted if (most := room.for_pool(members, pool))}
    found = await work.tasks.next_to_dispatch(run.id, open_pools, whenever=run.dry_run)
    tasks = [task for task, _ in found]
    preferred = [task.command and task.command.agent and task.command.agent.prefer for task in tasks]
    chosen = share_out([task.pool for task in tasks], members, room, preferred)
    taken = [(task, member, new_id("att")) for task, member in zip(tasks, chosen, strict=True) if member]
    waits = room is not whole and kept_back(whole, room, members, wanted, tasks, chosen)
    run = await remember(work, run, waits=waits, served=bool(taken))
    if taken:
        await send(work, run, taken, {task.id: files for task, files in found}, room.allowances, members)
    return run, bool(taken)


async def _assign(work: SchedulingWork, run: Run, stands: Standing) -> None:
    """Each person gets the next task that the schedule has given them, one at a time unless they take more."""
    people = {m.id: m for m in stands.members if m.kind == "person"}
    free = {m.id: m.slots - stands.in_hand.get(m.id, 0) for m in people.values()}
    if all(count <= 0 for count in free.values()):
        return
    planned = await work.tasks.next_for_people(run.id)
    if not planned or await _people_choose(work, run):
        return
    taken: list[tuple[Task, MemberId]] = []
    for task in planned:
        member = people.get(task.planned_member or "")
        # The schedule may be older than the team: whoever became a manager since then takes nothing (BR-PROJ-002).
        if member is not None and free[member.id] > 0 and may_take(member, task.need):
            free[member.id] -= 1
            taken.append((task, member.id))
    if taken:
        await work.tasks.assign(taken)
        await begin_anew(work, [task for task, _ in taken])
        await tell(work, [moved(task, "assigned", "it is their turn", member) for task, member in taken])


async def _people_choose(work: SchedulingWork, run: Run) -> bool:
    project = await work.projects.find(run.workspace_id, run.project_id)
    return project is not None and project.people_choose


async def _pass_people(work: SchedulingWork, run: Run) -> None:
    """In a dry run the tasks of people are gone through without being done, and timers without waiting."""
    evidence = Evidence(sandbox_level="none", duration_ms=0, dry_run=True)
    while True:
        tasks = [
            t for t in await work.tasks.of_run(run.id, ("ready", "assigned")) if t.command is None and not t.paused_by
        ]
        if not tasks:
            return
        taken = [replace(task, status="assigned") for task in tasks]
        await end_work(work, [Finished(t, work.now, work.now, evidence=evidence) for t in taken], "dry run")


async def _settle(work: SchedulingWork, run: Run, members: Sequence[Member], cause: str) -> Run:
    if run.status == "running" and await work.tasks.at_work(run):
        return run  # without counting what it has: a run may have very many tasks
    machine, person = (Counter(totals) for totals in await work.tasks.totals(run.id))
    if machine["ready"]:
        # Ready for a machine that the team does not have: only a person can help.
        for pool, count in (await work.tasks.ready_in_pools(run.id)).items():
            need = need_of_pool(pool)
            if need.command and not any(may_take(m, need) for m in members):
                machine["ready"] -= count
                person["ready"] += count
    status = run_status(+machine, +person)
    together = machine + person
    if status != "running" and (together["blocked"] or together["in_review"]):
        standing = await work.gates.standing(run.id)
        status = run_status(+machine, +person, held=standing.held, counting=standing.counting)
    if status == run.status:
        return run
    return await change_run(work, run, status, cause, +(machine + person))


async def change_run(
    work: SchedulingWork, run: Run, status: RunStatus, cause: str, totals: Mapping[TaskStatus, int]
) -> Run:
    """Move the run to a status and tell of it, after all that its tasks became: who hears it has heard those."""
    await publish_changes(work, (run.workspace_id, run.project_id))
    after = replace(
        run,
        status=status,
        epoch=move_run(run.id, run.status, status, run.epoch),
        sequence=run.sequence + 1,
        cause=cause,
        started_at=run.started_at or (work.now if status in ("running", "waiting") else None),
        ended_at=work.now if status in RUN_TERMINAL else None,
        deadline=None if _reopened_late(run, status, work.now) else run.deadline,
    )
    await work.runs.save(after)
    work.publish(
        RunChanged(
            workspace_id=run.workspace_id,
            project_id=run.project_id,
            sequence=after.sequence,
            run_id=run.id,
            plan_id=run.plan_id,
            status=status,
            epoch=after.epoch,
            totals={name: count for name, count in totals.items() if count},
            cause=cause,
        ),
        trace=run.trace,
    )
    return after


def _reopened_late(run: Run, after: RunStatus, now: datetime) -> bool:
    """A person goes on with a run although its deadline has passed."""
    reopened = run.status in RUN_TERMINAL and after not in RUN_TERMINAL
    return reopened and run.deadline is not None and run.deadline <= now


async def totals_of(work: SchedulingWork, run: Run) -> Counter[TaskStatus]:
    """How many of its tasks are in which state."""
    machine, person = await work.tasks.totals(run.id)
    return Counter(machine) + Counter(person)


def retries_of(run: Run, command: Command) -> int:
    """The run's word goes before the plan's."""
    return command.retries if run.retries is None else run.retries
