"""Somebody who asks the API all the time, whatever is away: what they are answered, how fast, and what came of it."""

import asyncio
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx
from tests.faults.forms import LONGEST_S
from tests.faults.workload import Run
from tests.system import System, eventually

PAUSE_S = 0.3
ANSWERED_S = 90
"""The product's own bound is 25 s; a loaded machine may take longer. That nobody waits until what is away is back is
seen otherwise: the tests wait for answers while it is away."""

REQUEST = {
    "mode": "document",
    "document": "# Notes\n\n## Requirements\n\n- [R1] It is asked for.\n",
    "document_name": "notes.md",
}


@dataclass(frozen=True)
class Answer:
    to: str
    status: int | None
    """None: nobody listened."""
    retry_after: str | None
    seconds: float
    body: str

    @property
    def done(self) -> bool:
        return self.status is not None and self.status < 300

    @property
    def come_again(self) -> bool:
        return self.status == 503 and self.retry_after is not None


class Asking:
    """Reads the run and asks for plans, each with a key of its own that is repeated until it is done."""

    def __init__(self, system: System, run: Run) -> None:
        self._system = system
        self._run = run
        self._client = system.client()
        self._client.timeout = httpx.Timeout(2 * ANSWERED_S)
        self._tasks: list[asyncio.Task[None]] = []
        self._keys: list[str] = []
        self._project = ""
        self.answers: list[Answer] = []

    async def __aenter__(self) -> Self:
        self._project = (await self._client.post("/api/v1/projects", json={"name": "asked for"})).json()["id"]
        self._ending = asyncio.Event()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._write())]
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._ending.set()
        await asyncio.gather(*self._tasks)
        await self._client.aclose()

    async def _read(self) -> None:
        while not self._ending.is_set():
            for path in (f"/runs/{self._run.id}", "/me", f"/projects/{self._project}"):
                await self._ask("GET", path)

    async def _write(self) -> None:
        while not self._ending.is_set():
            key = uuid4().hex
            self._keys.append(key)
            path = f"/projects/{self._project}/plans"
            while not (await self._ask("POST", path, json=REQUEST, headers={"Idempotency-Key": key})).done:
                pass

    async def _ask(self, method: str, path: str, **request: Any) -> Answer:
        started = time.monotonic()
        try:
            found = await self._client.request(method, f"/api/v1{path}", **request)
            told = (found.status_code, found.headers.get("retry-after"))
            body = found.text
        except httpx.TransportError as error:
            told, body = (None, None), repr(error)
        answer = Answer(f"{method} {path}", *told, time.monotonic() - started, body[:300])
        self.answers.append(answer)
        await asyncio.sleep(PAUSE_S)
        return answer

    async def answered(self, more: int = 10) -> None:
        """So many further answers have come."""
        until = len(self.answers) + more

        async def came() -> bool:
            return len(self.answers) >= until

        await eventually(came, LONGEST_S)

    def wrong(self, *, away: bool, gone: bool = False) -> list[Answer]:
        """Answers that nobody should get: `away` allows 503 with Retry-After, `gone` that the gateway is down."""
        return [
            each
            for each in self.answers
            if each.seconds > ANSWERED_S
            or not (each.done or (away and each.come_again) or (gone and each.status is None))
        ]

    async def every_key_had_one_effect(self) -> None:
        """However often it was repeated; and each plan was made."""

        async def made() -> bool:
            plans = await self._system.rows("planner", "plan")
            mine = [plan for plan in plans if plan["project_id"] == self._project]
            return len(mine) >= len(self._keys) and all(plan["status"] == "proposed" for plan in mine)

        await eventually(made, LONGEST_S)
        for name, table in (("gateway", "operation"), ("planner", "plan")):
            rows = await self._system.rows(name, table)
            assert sum(row["project_id"] == self._project for row in rows) == len(self._keys), table
