"""What limits and mutexes let go out of a run, and whose turn it is where several runs wait for them.

Invariant: limits and mutexes are held from the look at them to the commit, so that what goes out under one is counted
by whoever looks next. So no limit is ever exceeded by what two transactions send out at once.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestra.contracts.ids import AttemptId, MemberId, WorkspaceId
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.domain.work.admission import Room
from orchestra.scheduler.domain.work.limits import Allowance
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task, mutexes_of_pool, need_of_pool

IN_FLIGHT_MINUTES = 60
"""What a command in flight counts against its project's turn, in minutes of waiting."""

LOOKED_AT = 200
"""Waiting runs at a time."""

NO_LIMIT = 1_000_000

STOPPING = timedelta(seconds=30)
"""In which a command that is called back has ended: two seconds, or the lease of an executor that cannot be reached."""


async def narrowed(work: SchedulingWork, run: Run, room: Room, pools: Sequence[str], turn: int | None) -> Room:
    """The room that limits and mutexes leave for these pools.

    Where other runs wait for any, too, nothing goes out under them before the run's turn, then at most `turn` tasks.
    """
    mutexes = _mutexes(pools)
    if run.dry_run or not (mutexes or work.projects.limited(run.workspace_id)):
        return room
    allowances = await work.limits.hold(run, mutexes)
    if turn is not None:
        return replace(room, together=min(room.together, turn), allowances=allowances)
    if await work.limits.others_wait(run):
        allowances = [replace(each, left=0) for each in allowances]
    return replace(room, allowances=allowances)


async def free_mutexes(work: SchedulingWork, ended: Iterable[tuple[AttemptId, Task]]) -> None:
    """These attempts have ended, by whatever end."""
    if having := [attempt_id for attempt_id, task in ended if mutexes_of_pool(task.pool)]:
        await work.limits.free(having)


async def free_mutexes_later(work: SchedulingWork, stopped: Iterable[Task]) -> None:
    """These are being stopped; while a command may still be at it, nobody else has its mutex."""
    having = [task.attempt_id for task in stopped if task.attempt_id and mutexes_of_pool(task.pool)]
    if having:
        await work.limits.free_later(having, work.now + STOPPING)


async def remember(work: SchedulingWork, run: Run, *, waits: bool, served: bool) -> Run:
    """The run, which knows whether limits or mutexes keep something of it back, and since when it was not served."""
    if not waits and run.waits_since is None:
        return run
    if waits:
        work.wake("admission")
    since = None if not waits else work.now if served or run.waits_since is None else run.waits_since
    if since != run.waits_since:
        await work.limits.keep_back(run.id, since)
    return replace(run, waits_since=since)


def kept_back(
    whole: Room,
    room: Room,
    members: Sequence[Member],
    pools: Iterable[str],
    tasks: Sequence[Task],
    chosen: Sequence[MemberId | None],
) -> bool:
    """Whether `room` may have kept something back that `whole` would have let go. Said once too often it does no harm:
    at its turn the run learns that nothing waits."""
    found = Counter(task.pool for task in tasks)
    return None in chosen or any(
        found[pool] >= room.for_pool(members, pool) < whole.for_pool(members, pool) for pool in pools
    )


@dataclass(frozen=True)
class Turn:
    run: Run
    most: int
    """Tasks that it may get."""


async def turns(view: SchedulingWork) -> list[Turn]:
    """Runs that wait and could go on now, in the order in which they get something.

    Whose first task waits longest, with its priority, comes first; each command that the project has in flight counts
    as an hour less. So a workspace's projects share its limits evenly, and none waits for ever.
    """
    waiting: defaultdict[WorkspaceId, list[Run]] = defaultdict(list)
    for run in await view.limits.kept_back(LOOKED_AT):
        waiting[run.workspace_id].append(run)
    found: list[Turn] = []
    for workspace_id, runs in sorted(waiting.items()):
        flight = await view.limits.in_flight(workspace_id)
        heads = {run.id: await _heads(view, run) for run in runs}
        seen = await view.limits.seen(workspace_id, _mutexes({pool for pools in heads.values() for pool in pools}))
        ready: list[tuple[int, datetime, Run, int]] = []
        for run in runs:
            allowances = [each for each in seen if each.holds_in(run.project_id)]
            open_ = {pool: rank for pool, rank in heads[run.id].items() if _left(allowances, pool)}
            if open_ or not heads[run.id]:  # with nothing ready it learns that it waits no longer
                rank = min(open_.values(), default=0) + IN_FLIGHT_MINUTES * flight.get(run.project_id, 0)
                left = max((_left(allowances, pool) for pool in open_), default=0)
                ready.append((rank, run.waits_since or view.now, run, left))
        ready.sort(key=lambda each: each[:2])
        found += [Turn(run, max(1, left // len(ready))) for _, _, run, left in ready]
    return found


async def _heads(view: SchedulingWork, run: Run) -> Mapping[str, int]:
    """The rank of the first ready command in each pool."""
    return {pool: rank for pool, rank in (await view.tasks.ready_heads(run.id)).items() if need_of_pool(pool).command}


def _mutexes(pools: Collection[str]) -> frozenset[str]:
    return frozenset[str]().union(*map(mutexes_of_pool, pools))


def _left(allowances: Sequence[Allowance], pool: str) -> int:
    return min((each.left for each in allowances if each.covers(pool)), default=NO_LIMIT)
