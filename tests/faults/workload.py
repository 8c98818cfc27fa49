"""A run of 64 commands of 50-200 ms (long form: 1,000), each of which needs what two others put out; then people."""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from tests.faults.checker import Outline, outline, settled, violations
from tests.faults.forms import LONG, LONGEST_S
from tests.system import System, eventually

from orchestra.cli.api import Api
from orchestra.cli.inputs import Inputs
from orchestra.cli.journey import propose
from orchestra.executor.adapters.tables import ATTEMPT

WIDTH, DEPTH = (25, 40) if LONG else (8, 8)
COMMANDS = WIDTH * DEPTH
SLOTS = 4
NOTES = ("note-1", "note-2", "note-3")
"""Tasks of one person from the first moment: with them a test makes the scheduler commit when it wants it to."""

DOCUMENT = "# Grid\n\n## Requirements\n\n- [R1] All of it must be done.\n"

CODE = """
import sys, time
from hashlib import sha256
own, pause, *needed = sys.argv[1:]
time.sleep(int(pause) / 1000)
told = own + "".join(open(name).read() for name in needed)
open(own, "w").write(sha256(told.encode()).hexdigest())
"""
"""The last row's outputs depend on everything before them: one wrong hand-over would show in all that follow."""

TEAM = {
    "members": [
        {"id": "machine", "name": "Machine", "kind": "agent", "tools": ["python3"], "slots": SLOTS},
        {"id": "nora", "name": "Nora", "roles": ["clerk"]},
        {"id": "edda", "name": "Edda", "roles": ["editor"]},
        {"id": "cleo", "name": "Cleo", "roles": ["checker"]},
        {"id": "mia", "name": "Mia", "roles": ["maker"]},
        {"id": "mo", "name": "Mo", "roles": ["maker"]},
    ]
}


def grid() -> Inputs:
    pauses = random.Random(1)  # the same work each time; only the faults differ
    tasks = [_command(row, column, pauses.randint(50, 200)) for row in range(DEPTH) for column in range(WIDTH)]
    tasks += [_person(key, "clerk", 60) for key in NOTES]
    tasks += [
        _person("edit", "editor", 120, _key(DEPTH - 1, 0)),
        _person("check", "checker", 180, _key(DEPTH - 1, WIDTH // 2)),
        _person("bind", "maker", 240, "edit", "check"),
        _person("cover", "maker", 90, "edit"),
        _person("fold", "maker", 60, "check"),
        _person("sign", "editor", 60, "bind", "cover", "fold"),
    ]
    return Inputs("grid.md", DOCUMENT, team=TEAM, plan={"tasks": tasks})


def _key(row: int, column: int) -> str:
    return f"c{row}-{column % WIDTH}"


def _command(row: int, column: int, pause: int) -> dict[str, Any]:
    key, before = _key(row, column), [_key(row - 1, column), _key(row - 1, column + 1)] if row else []
    command = {
        "argv": ["python3", "-c", CODE, key, str(pause), *before],
        "tools": ["python3"],
        "inputs": before,
        "outputs": [key],
    }
    return {"id": key, "title": key, "covers": ["R1"], "minutes": 1, "after": before, "command": command}


def _person(key: str, role: str, minutes: int, *after: str) -> dict[str, Any]:
    return {"id": key, "title": key, "covers": ["R1"], "role": role, "minutes": minutes, "after": list(after)}


class Run:
    """A run of the grid."""

    def __init__(self, system: System, api: Api, shown: Mapping[str, Any]) -> None:
        self.system = system
        self.api = api
        self.id: str = shown["id"]
        self.project_id: str = shown["project_id"]

    async def done(self) -> int:
        """How many commands have succeeded, by the executor's own book."""
        query = select(func.count()).where(ATTEMPT.c.run_id == self.id, ATTEMPT.c.status == "succeeded")
        return await self._count(query)

    async def performing(self) -> int:
        query = select(func.count()).where(ATTEMPT.c.run_id == self.id, ATTEMPT.c.status.in_(("leased", "running")))
        return await self._count(query)

    async def _count(self, query: Any) -> int:
        async with self.system.database("executor") as database, database.read() as view:
            return (await view.connection.execute(query)).scalar_one()

    async def reached(self, mark: int) -> None:
        async def there() -> bool:
            return await self.done() >= mark

        await eventually(there, LONGEST_S, seldom=False)

    async def complete(self, key: str) -> None:
        """Its assignee does what they were asked for, once they are."""

        async def asked() -> str | None:
            waiting = (await self.api.get(f"/runs/{self.id}"))["waiting_for"]
            return next((each["task_id"] for each in waiting if each["key"] == key), None)

        await self.api.post(f"/tasks/{await eventually(asked, LONGEST_S)}/complete", {})

    async def people_are_waited_for(self) -> None:
        """All commands are done, and the two who come next have been asked."""

        async def waits() -> bool:
            run = await self.api.get(f"/runs/{self.id}")
            asked = {each["key"] for each in run["waiting_for"]} == {"edit", "check"}
            # They may be asked before the last commands are done: nobody waits for all of those.
            return asked and run["status"] == "waiting" and run["schedule_is_current"]

        await eventually(waits, LONGEST_S)

    async def finish(self) -> None:
        """People do what they are asked for, until nobody is asked any more."""

        async def finished() -> bool:
            run = await self.api.get(f"/runs/{self.id}")
            for each in run["waiting_for"]:
                await self.api.post(f"/tasks/{each['task_id']}/complete", {})
            return run["status"] == "finished"

        await eventually(finished, LONGEST_S)

    async def ends_like(self, clean: Outline, notes: Sequence[str] = NOTES) -> int:
        """Bring it to its end and judge it; `notes` were not done so far. Returns how many attempts were lost."""
        for note in notes:
            await self.complete(note)
        await self.people_are_waited_for()
        unlike = (await outline(self.system, self.id)).unlike(clean)
        assert not unlike, unlike
        await self.finish()
        record = await settled(self.system, self.id)
        assert not (found := violations(record)), found
        return sum(attempt["failure"] == "lost" for attempt in record.of_run("executor", "attempt"))


async def begin(system: System, api: Api) -> Run:
    plan = await propose(api, grid())
    await api.post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]})
    body = {"plan_id": plan["id"], "hash": plan["hash"]}
    return Run(system, api, await api.post(f"/projects/{plan['project_id']}/runs", body))
