"""A process that takes up attempts and ends them as fast as it can: `assigner URL WORKSPACE SEED`. It prints what it
has done, a line each, and ends with 0 when it is told to stop."""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from services.executor.tests.integration.agents.bench import database_of, end, held_by, take, work_for

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Transient
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.agents.registry_ports import Learned
from orchestra.executor.domain.agents.choosing import Assigned

AT_ONCE = 3


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201 - the test reads it


async def assign(
    database: Database[ExecutorWork], workspace: str, chance: random.Random, stopped: asyncio.Event
) -> None:
    while not stopped.is_set():
        try:
            await _round(database, workspace, chance)
        except Transient:
            continue  # the same; nothing was taken up


async def _round(database: Database[ExecutorWork], workspace: str, chance: random.Random) -> None:
    named = ["any", "any", "one", "two"]
    events = [work_for(chance.choice(named), workspace, difficulty="simple") for _ in range(chance.randrange(1, 4))]
    async with database.begin() as work:
        await work.attempts.accept([(event, None) for event in events])
    held, choices = await take(database, workspace, slots=4)
    given = Counter(choice.agent.name for choice in choices.values() if isinstance(choice, Assigned))
    say(given=given, seen=await patiently(held_by, database, workspace), nobody=len(held) - given.total())
    await patiently(_learn, database, [Learned(workspace, name, "code", "done", 1, 1) for name in given.elements()])
    await patiently(end, database, held)


async def _learn(database: Database[ExecutorWork], learned: list[Learned]) -> None:
    async with database.begin() as work:
        await work.registry.learn(*learned)


async def patiently(call: Callable[..., Awaitable[Any]], *arguments: object) -> Any:
    """Until the file's one writer, where it has one, is no other process."""
    while True:
        try:
            return await call(*arguments)
        except Transient:
            continue


async def main(url: str, workspace: str, seed: str) -> None:
    database, stopped, chance = database_of(url), asyncio.Event(), random.Random(int(seed))  # noqa: S311 - the same again
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    await asyncio.to_thread(sys.stdin.readline)
    assigning = [asyncio.create_task(assign(database, workspace, chance, stopped)) for _ in range(AT_ONCE)]
    await asyncio.to_thread(sys.stdin.readline)
    stopped.set()
    await asyncio.gather(*assigning)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
