"""A newer plan takes the place of the one that stands: tasks and dependencies become those that it has.

Invariant: what was started is neither lost nor done twice. A task is known by its id, whatever its plan; it is
cancelled, changed or taken back only where nothing of it has begun.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from orchestra.contracts.planning import DecomposedTask, Dependency
from orchestra.scheduler.application.call_back import withdraw
from orchestra.scheduler.application.changes import Move, moved, tell
from orchestra.scheduler.application.end_work import count_down, end_held_of_plan
from orchestra.scheduler.application.graph import Known
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.project_ports import Plan
from orchestra.scheduler.domain.work.replan import Fate, fate, pool_of_definition
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task

Fates = dict[Fate, list[Known]]


async def replan(
    work: SchedulingWork,
    plan: Plan,
    tasks: Sequence[DecomposedTask],
    dependencies: Iterable[Dependency],
    run: Run | None,
) -> Counter[str]:
    """How many tasks were `added`, and how many had which fate. The caller holds the project; `run` goes on with it."""
    known = {each.task.id: each for each in await work.graph.known(plan.workspace_id, plan.project_id)}
    stood = await work.graph.edges(plan.workspace_id, plan.project_id)
    wired = set(dependencies)
    rewired = {edge.successor for edge in stood ^ wired}
    planned = {task.id: task for task in tasks}
    fates: Fates = {}
    for each in known.values():
        definition = planned.get(each.task.id)
        same = each.definition == definition and each.task.id not in rewired and not each.deferred
        met = fate(each.task, planned=definition is not None, same=same, comes_back=each.comes_back)
        fates.setdefault(met, []).append(each)

    added = [task for task in tasks if task.id not in known]
    run_id = run.id if run else None
    if added:
        await work.tasks.add_graph(plan, added, (), [pool_of_definition(task) for task in added], run_id)
    cause = f"plan version {plan.version}"
    moves = await _take_back(work, fates, cause, run)
    kept = {each.task.id for each in fates.get("kept", ())}
    await work.graph.place(plan.id, [(task.id, task if task.id in kept else None) for task in tasks])
    renewed: list[Fate] = ["changed", "withdrawn", "revived", "undecided"]
    await work.graph.redefine([planned[each.task.id] for name in renewed for each in fates.get(name, ())])
    # A deadline that moves holds for what is under way as well: a person has thought better of it.
    await work.graph.expire(
        [
            planned[each.task.id]
            for each in fates.get("kept", ())
            if each.deferred or each.definition.deadline != planned[each.task.id].deadline
        ]
    )
    await work.graph.retire([each.task.id for name in _GONE for each in fates.get(name, ())])
    await work.graph.connect(stood - wired, wired - stood)
    await work.graph.mark(plan.id)
    await count_down(work, await work.gates.lags_of_plan(plan.id))
    if run is not None:
        await work.tasks.give_to_run(plan.id, run.id)
    moves += await _settle(work, plan, {task.id for task in added}, cause)
    await tell(work, moves)
    await end_held_of_plan(work, plan.id, f"{cause} leaves nothing that holds its end back")
    return Counter({name: len(met) for name, met in fates.items()}) + Counter(added=len(added))


_GONE: tuple[Fate, ...] = ("cancelled", "retired")
_AGAIN: tuple[Fate, ...] = ("revived", "undecided")


async def _take_back(work: SchedulingWork, fates: Fates, cause: str, run: Run | None) -> list[Move]:
    """Call back what was given out and has not begun; end, or have again, what the newer plan wants so."""

    def of(name: Fate) -> list[Task]:
        tasks = [each.task for each in fates.get(name, ())]
        return [replace(task, run_id=run.id if run else None) for task in tasks] if name in _AGAIN else tasks

    cancelled, withdrawn, revived, undecided = of("cancelled"), of("withdrawn"), of("revived"), of("undecided")
    out = [task for task in (*cancelled, *withdrawn) if task.status == "queued" and task.attempt_id]
    await withdraw(work, out, f"superseded by {cause}")
    again: dict[str, Any] = {"assignee": None, "attempt_id": None}
    await work.tasks.change([task.id for task in cancelled], status="cancelled", ended_at=work.now)
    await work.tasks.change([task.id for task in withdrawn], status="ready", **again)
    again |= {"ended_at": None, "run_id": run.id if run else None}
    await work.tasks.change([task.id for task in revived], status="blocked", started_at=None, **again)
    await work.tasks.change([task.id for task in undecided], status="waiting", **again)
    return [
        *(moved(task, "cancelled", f"{cause} has it no longer") for task in cancelled),
        *(moved(task, "ready", f"{cause} has changed it") for task in withdrawn),
        *(moved(task, "blocked", f"{cause} has it again") for task in revived),
        *(moved(task, "waiting", f"{cause} has it again, and it may have had its effect") for task in undecided),
    ]


async def _settle(work: SchedulingWork, plan: Plan, added: set[str], cause: str) -> list[Move]:
    released, held = await work.graph.settle(plan.id)
    return [
        *(moved(task, "ready", f"{cause} leaves nothing before it") for task in released if task.id not in added),
        *(moved(task, "blocked", f"{cause} has something before it") for task in held if task.id not in added),
    ]


async def renew(work: SchedulingWork, changed: Sequence[Task], gone: Sequence[Task]) -> None:
    """What comes back to be tried again goes by the newest plan: changed, behind something, or not at all."""
    await work.tasks.change([task.id for task in gone], status="cancelled", ended_at=work.now)
    held = await work.graph.renew([task.id for task in changed])
    await tell(
        work,
        [
            *(moved(task, "cancelled", "the plan has it no longer") for task in gone),
            *(moved(task, "blocked", "the plan has something before it now") for task in held),
        ],
    )
