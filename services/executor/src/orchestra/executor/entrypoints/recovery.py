"""What an executor does at its start about those that were killed."""

import asyncio
from pathlib import Path

from orchestra.chassis.database.unit_of_work import Database
from orchestra.executor.adapters.owner import is_dead
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.keep_leases import lose_all_of
from orchestra.executor.application.perform_attempt import Bench

KILLED = "The process that performed it was killed."


async def lose_what_the_dead_held(database: Database[ExecutorWork]) -> None:
    """Nobody has to wait for the end of a lease whose owner is known to be dead."""
    async with database.begin() as work:
        if dead := [owner for owner in await work.attempts.owners() if is_dead(owner)]:
            await lose_all_of(work, dead, KILLED)


async def clear_away(database: Database[ExecutorWork], bench: Bench, workspaces: Path) -> None:
    """Remove what attempts that nobody holds any more have left on the disk."""
    left = await asyncio.to_thread(lambda: [*workspaces.iterdir(), *bench.logs.iterdir()])
    async with database.read() as view:
        held = await view.attempts.held_among(sorted({_attempt(path) for path in left}))
    for path in left:
        if _attempt(path) not in held:
            await bench.workspaces.remove(path)


def _attempt(path: Path) -> str:
    """All that an attempt leaves is named by its id, whatever comes after the dot."""
    return path.name.partition(".")[0]
