"""Where a schedule is calculated: here where the project is small, else in a process of its own.

A calculation is Python. In a thread of the service that of a large project would take its processor and memory for many
seconds, from all runs. The other process reads the snapshot itself and answers with what is stored; it is started for
the first large project and ends when there has been none for a while, or when its service ends, however that comes
about: then its input ends.
"""

import asyncio
import json
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Unavailable
from orchestra.scheduler.adapters.calculating import LENGTH, Away
from orchestra.scheduler.adapters.tables import TASK
from orchestra.scheduler.application.gate_ports import Key
from orchestra.scheduler.application.project_ports import Calculated
from orchestra.scheduler.application.recalculate import calculated

LARGE = 4_000
"""Tasks of a project from which on another process calculates: here it would take about half a second."""

IDLE = 30.0
"""Seconds without a large calculation after which the process ends."""

LIMIT = 900.0
"""Seconds after which a calculation is given up."""


class CalculationFailed(Exception):
    """The other process says why."""


class Calculations:
    """One at a time: `await calculations(key)`."""

    def __init__(self, database: Database[Any], *, large: int = LARGE, idle: float = IDLE) -> None:
        self._database = database
        self._large = large
        self._idle = idle
        self._process: Process | None = None
        self._end: asyncio.TimerHandle | None = None

    async def __call__(self, key: Key) -> Calculated | None:
        if await self._size(key) < self._large:
            return await calculated(self._database.read, key)
        if self._end is not None:
            self._end.cancel()
        try:
            async with asyncio.timeout(LIMIT):
                answer = await self._asked(key)
        except BaseException as error:
            await self.close()
            if isinstance(error, asyncio.IncompleteReadError | OSError | TimeoutError):
                raise CalculationFailed(f"the process that calculates has ended: {error!r}") from error
            raise
        self._end = asyncio.get_running_loop().call_later(self._idle, self._rest)
        if isinstance(answer, Away):
            raise Unavailable(answer.reason)
        if isinstance(answer, str):
            raise CalculationFailed(answer)
        return answer

    async def _size(self, key: Key) -> int:
        mine = (TASK.c.workspace_id == key[0], TASK.c.project_id == key[1])
        async with self._database.read() as view:
            return (await view.connection.execute(select(func.count()).where(*mine))).scalar_one()

    async def _asked(self, key: Key) -> Calculated | Away | str | None:
        process = await self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        now = self._database.clock.now().isoformat()
        request = {"url": self._database.url, "workspace": key[0], "project": key[1], "now": now}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        await process.stdin.drain()
        found: list[Any] = [message async for message in _messages(process.stdout)]
        answer: Calculated | Away | str | None = found[0]
        if isinstance(answer, Calculated):
            return replace(answer, planned=[each for message in found[1:] for each in message])
        return answer

    async def _started(self) -> Process:
        if self._process is None or self._process.returncode is not None:
            command = (sys.executable, "-m", "orchestra.scheduler.adapters.calculating")
            self._process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=1 << 20)
        return self._process

    def _rest(self) -> None:
        """Its input ends, and so it does."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    async def close(self) -> None:
        process, self._process = self._process, None
        if self._end is not None:
            self._end.cancel()
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()


async def _messages(answer: asyncio.StreamReader) -> AsyncGenerator[Any]:
    """Each unpickled with a turn for the event loop in between: the bytes are those of a process of our own."""
    for _ in range(int.from_bytes(await answer.readexactly(LENGTH), "big")):
        size = int.from_bytes(await answer.readexactly(LENGTH), "big")
        yield pickle.loads(await answer.readexactly(size))  # noqa: S301
        await asyncio.sleep(0)
