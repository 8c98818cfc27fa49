"""Very many starts that are due at one instant, and three schedulers that find them: each is begun once and ended once,
also where one after the other is killed over it."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.faults.checker import settled, violations
from tests.faults.forms import LONG, LONGEST_S, seeded
from tests.faults.test_replicas import Replicas, replicas
from tests.journeys.jobs import commands, python, start
from tests.system import System, eventually, service

from orchestra.cli.api import Api

__all__ = ["replicas"]  # the fixture

PROJECTS, TIMERS, COMMANDS = (10, 95, 5) if LONG else (3, 18, 2)
"""A thousand starts in the long form."""

TASK = service("scheduler").metadata.tables["task"]


def waiting(opens: str) -> list[dict[str, Any]]:
    """Tasks that nothing but time holds back."""
    timers = [
        {"id": f"t{n}", "title": f"t{n}", "covers": ["R1"], "start_at": opens, "wait": {"minutes": 500_000}}
        for n in range(TIMERS)
    ]
    return [*timers, *({**python(f"c{n}", "print('begun')"), "start_at": opens} for n in range(COMMANDS))]


class Timed:
    """Runs of such tasks."""

    def __init__(self, system: System, runs: Sequence[str]) -> None:
        self._system = system
        self._runs = runs

    async def come(self, column: str) -> None:
        """The instant in this column is now, for all of them together."""
        mine = TASK.update().where(TASK.c.run_id.in_(self._runs), TASK.c[column].is_not(None))
        async with self._system.database("scheduler") as database, database.begin() as work:
            await work.connection.execute(mine.values({column: work.now}))

    async def tasks(self) -> list[Any]:
        return [row for row in await self._system.rows("scheduler", "task") if row["run_id"] in self._runs]

    async def some(self, met: Callable[[Any], bool], least: int) -> None:
        async def there() -> bool:
            return sum(met(row) for row in await self.tasks()) >= least

        await eventually(there, LONGEST_S)


async def test_starts_that_are_due_at_once_are_begun_once_by_several_schedulers_and_survive_two_kills(
    system: System, api: Api, replicas: Replicas
) -> None:
    chance = seeded()
    opens = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    runs = [await start(api, commands(*waiting(opens))) for _ in range(PROJECTS)]
    all_of_them = PROJECTS * (TIMERS + COMMANDS)
    timed = Timed(system, [run["id"] for run in runs])
    await timed.some(lambda row: row["status"] == "ready", all_of_them)
    await replicas.add("scheduler", "scheduler")

    for column, met, wanted in (
        ("not_before", lambda row: row["started_at"] is not None, all_of_them),
        ("ends_at", lambda row: row["status"] == "done", all_of_them),
    ):
        await timed.come(column)
        await timed.some(met, chance.randrange(1, wanted // 2))
        replicas.kill_one(chance, "scheduler")
        killed = time.monotonic()
        await timed.some(met, wanted)
        print(f"{wanted} of {column} {time.monotonic() - killed:.1f} s after a scheduler was killed over them")

    for run in runs:
        record = await settled(system, run["id"])
        assert violations(record) == []
        assert record.run["status"] == "finished"
        moves = [change for told in record.of_project("tasks.changed.v1") for change in told["changes"]]
        begun = Counter(change["task_id"] for change in moves if change["after"] == "running" and "t" in change["key"])
        assert sorted(begun.values()) == [1] * TIMERS
        attempts = Counter(row["task_id"] for row in record.of_run("executor", "attempt"))
        assert sorted(attempts.values()) == [1] * COMMANDS
