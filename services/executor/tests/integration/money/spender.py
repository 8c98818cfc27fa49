"""A process that spends as fast as it can, several calls at a time: `spender URL WORKSPACE SEED`. It prints what it has
done, a line each, and ends with 0 when it is told to stop; a refusal is as good as a hold."""

import asyncio
import json
import random
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from services.executor.tests.integration.money.vault import database_of, entry

from orchestra.chassis.errors import Transient
from orchestra.executor.domain.money.amounts import Amounts
from orchestra.executor.domain.money.errors import BudgetExhausted
from orchestra.executor.domain.money.scopes import Spending
from orchestra.executor.entrypoints.money.till import Till

AT_ONCE = 4


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201 - the test reads it


async def spend(till: Till, workspace: str, chance: random.Random, stopped: asyncio.Event) -> None:
    while not stopped.is_set():
        task = f"tsk_{chance.randrange(3)}"
        spending = Spending(workspace, "prj", f"call_{chance.random()}", 1, "run", task)
        ask = Amounts(micros=chance.randrange(1, 9), requests=1)
        try:
            hold = await till.hold(spending, ask, datetime.now(UTC) + timedelta(hours=1))
        except BudgetExhausted:
            say(did="refused")
            await asyncio.sleep(0.01)
            continue
        except Transient:
            continue
        if chance.random() < 0.3:
            await patiently(till.release, hold)
            say(did="release", hold=hold.id)
            continue
        await patiently(till.begin, hold)
        say(did="begin", hold=hold.id)
        cost = chance.randrange(0, ask.micros + 1) if chance.random() < 0.7 else 0
        await patiently(till.settle, hold, entry(cost))
        say(did="settle", hold=hold.id, cost=cost)


async def patiently(call: Callable[..., Awaitable[object]], *arguments: object) -> None:
    """Until the file's one writer, where it has one, is no other process."""
    while True:
        try:
            await call(*arguments)
        except Transient:
            continue
        return


async def main(url: str, workspace: str, seed: str) -> None:
    till, stopped, chance = Till(database_of(url)), asyncio.Event(), random.Random(int(seed))  # noqa: S311 - the same calls again
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    await asyncio.to_thread(sys.stdin.readline)
    spending = [asyncio.create_task(spend(till, workspace, chance, stopped)) for _ in range(AT_ONCE)]
    await asyncio.to_thread(sys.stdin.readline)
    stopped.set()
    await asyncio.gather(*spending)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
