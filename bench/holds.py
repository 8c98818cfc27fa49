"""How many holds of money there are in a second, and that never one too many or too few is admitted.

`python -m bench.holds --slots 10 --requests 200 --rounds 100 --processes 4 --database URL [--json]`. In each round all
processes together ask at once for what only so many of the requests fit in; each round has a project, a run and a task
that nobody has spent from before. Then everything fits, and it is measured how fast that is. The workspace is the same
all along: its row is what everybody waits for. What the figures mean stands in bench/README.md.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import IO, Any
from uuid import uuid4

from orchestra.chassis.database.migrations import migrate
from orchestra.chassis.database.unit_of_work import Database
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.money.reconcile import differing
from orchestra.executor.application.money.set_limit import set_limit
from orchestra.executor.domain.money.amounts import Amounts
from orchestra.executor.domain.money.budget import Defaults
from orchestra.executor.domain.money.errors import BudgetExhausted
from orchestra.executor.domain.money.hold import Entry, Hold, Usage
from orchestra.executor.domain.money.scopes import Scope, Spending
from orchestra.executor.entrypoints.money.till import Till

ASK = Amounts(micros=1000, tokens=500, requests=1)
ENTRY = Entry(cost=800, price_version="bench", usage=Usage(input=300, output=100))
FIVE_MINUTES = timedelta(minutes=5)
FREE_TURNS = 5
"""Rounds in which everything fits."""

Row = dict[str, Any]


@dataclass(frozen=True)
class NoDefaults:
    """The settings of this measurement."""

    default_limits: Defaults = field(default_factory=dict)


def database_at(url: str) -> Database[ExecutorWork]:
    return Database(url, "executor", ExecutorWork, pool_size=4, settings=NoDefaults())


def spending(workspace: str, turn: str) -> Spending:
    return Spending(workspace, f"prj_{turn}", "call", 1, f"run_{turn}", f"tsk_{turn}", model="none", purpose="bench")


async def ask(till: Till, who: Spending, requests: int) -> list[Hold]:
    """So many at once; what was admitted."""
    until = datetime.now(UTC) + FIVE_MINUTES
    answers = await asyncio.gather(*(till.hold(who, ASK, until) for _ in range(requests)), return_exceptions=True)
    if broken := [each for each in answers if not isinstance(each, Hold | BudgetExhausted)]:
        raise ExceptionGroup("neither admitted nor refused", broken)
    return [answer for answer in answers if isinstance(answer, Hold)]


async def work(url: str, workspace: str) -> None:
    """A process that asks whenever it is told `turn number-of-requests settle`, and prints what it got."""
    database = database_at(url)
    till = Till(database)
    for line in iter(sys.stdin.readline, ""):
        turn, requests, settle = line.split()
        holds = await ask(till, spending(workspace, turn), int(requests))
        asked = time.time()
        if settle == "settle":
            await asyncio.gather(*(till.settle(hold, ENTRY) for hold in holds))
        print(json.dumps({"admitted": len(holds), "asked": asked, "settled": time.time()}), flush=True)
    await till.stop()
    await database.close()


class Workers:
    """Processes that ask at the same moment."""

    def __init__(self, processes: Sequence["subprocess.Popen[str]"]) -> None:
        self._processes = processes

    def turn(self, turn: str, requests: int, settle: str = "hold") -> tuple[int, float, float]:
        """How many were admitted, and the seconds until all had their answers, and until all were settled."""
        count = len(self._processes)
        began = time.time()
        for number, process in enumerate(self._processes):
            share = requests // count + (number < requests % count)
            _pipe(process.stdin).write(f"{turn} {share} {settle}\n")
            _pipe(process.stdin).flush()
        answers = [json.loads(_pipe(process.stdout).readline()) for process in self._processes]
        asked, settled = (max(answer[name] for answer in answers) for name in ("asked", "settled"))
        return sum(answer["admitted"] for answer in answers), asked - began, settled - asked


@contextmanager
def workers(url: str, workspace: str, count: int) -> Generator[Workers]:
    command = [sys.executable, "-m", "bench.holds", "--worker", workspace, "--database", url]
    with ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(count)
        ]
        yield Workers(started)
        for process in started:
            _pipe(process.stdin).close()  # which ends it


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


async def limited(database: Database[ExecutorWork], workspace: str, turn: str, slots: int) -> Scope:
    scope = Scope(workspace, "project", f"prj_{turn}")
    async with database.begin() as work:
        await set_limit(work, scope, {"requests": slots})
    return scope


async def measure(given: argparse.Namespace) -> Row:
    database, workspace = database_at(given.database), f"wsp_{uuid4().hex}"
    await migrate(database, "orchestra.executor.migrations")
    admitted: list[int] = []
    decided, took = 0, 0.0
    scopes = []
    with workers(given.database, workspace, given.processes) as asked:
        await asyncio.to_thread(asked.turn, "first", given.processes)  # every process has begun
        for number in range(given.rounds):
            scopes.append(await limited(database, workspace, str(number), given.slots))
            got, seconds, _ = await asyncio.to_thread(asked.turn, str(number), given.requests)
            admitted.append(got)
            decided, took = decided + given.requests, took + seconds
        await asyncio.to_thread(asked.turn, "free", given.processes)  # its scopes are opened
        fitting = max(given.requests, 1000)
        turns = [await asyncio.to_thread(asked.turn, "free", fitting, "settle") for _ in range(FREE_TURNS)]
    async with database.read() as view:
        wrong = await differing(view, await view.budgets.find(scopes))
    await database.close()
    held, settled = (sum(turn[at] for turn in turns) for at in (1, 2))
    return {
        "slots": given.slots,
        "admitted_min": min(admitted),
        "admitted_max": max(admitted),
        "decided_per_s": round(decided / took, 1),
        "holds_per_s": round(fitting * FREE_TURNS / held, 1),
        "settlements_per_s": round(fitting * FREE_TURNS / settled, 1),
        "counters_wrong": len(wrong),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--slots", type=int, default=10, help="requests that fit in")
    parser.add_argument("--requests", type=int, default=200, help="at once, of all processes together")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--database", help="an empty database, or an executor's; without it one of SQLite")
    parser.add_argument("--json", action="store_true", help="one object")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = given.database or f"sqlite+aiosqlite:///{folder}/executor.db"
        given.database = url.replace("postgresql://", "postgresql+asyncpg://", 1)
        if given.worker:
            asyncio.run(work(given.database, given.worker))
            return
        row = asyncio.run(measure(given))
    print(json.dumps(row) if given.json else "\n".join(f"{name:18}{value:>12,}" for name, value in row.items()))
    wanted = min(given.slots, given.requests)
    exact = row["admitted_min"] == row["admitted_max"] == wanted
    sys.exit(0 if exact and not row["counters_wrong"] else 1)


if __name__ == "__main__":
    main()
