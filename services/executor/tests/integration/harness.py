"""The whole executor for a test: its HTTP interface, its loops, events that come to it and those that it published."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from services.executor.tests.dispatches import dispatched, withdrawn
from sqlalchemy import select

from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.http.identity import Caller, TokenSigner, new_private_key
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.consume import consume
from orchestra.chassis.messaging.in_process import Exchange, InProcessTransport
from orchestra.chassis.messaging.message import Envelope, decode, wrap
from orchestra.chassis.runtime import RunningService
from orchestra.chassis.sealing import new_key
from orchestra.contracts.event import Event
from orchestra.contracts.execution import AttemptFailed, AttemptSucceeded, AttemptSuspended
from orchestra.contracts.planning import Command, Input
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.service import service
from orchestra.executor.settings import ExecutorSettings

Outcome = AttemptSucceeded | AttemptFailed | AttemptSuspended


def envelope(event: Event, traceparent: str | None = None) -> Envelope:
    return wrap(event, event_id=new_id("evt"), source="/test", time=datetime.now(UTC), traceparent=traceparent)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 90) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)


SEALING_KEY = new_key()


class Executor:
    """One executor at a database; two of them at the same one share its files too."""

    def __init__(self, url: str, files: Path, signer: TokenSigner | None = None, **settings: Any) -> None:
        self.files = files
        self.signer = signer or TokenSigner(new_private_key())
        known = {
            "database_url": url,
            "database_pool": 4,
            "internal_public_key": self.signer.public_key,
            "artifacts_dir": files / "artifacts",
            "workspaces_dir": files / "workspaces",
            "slots": 2,
            "sealing_keys": SEALING_KEY,
        }
        self.settings = ExecutorSettings(**(known | settings))
        exchange = Exchange()
        self.running = RunningService(service, self.settings, lambda _: InProcessTransport(exchange))
        self.database: Database[ExecutorWork] = self.running.database  # pyright: ignore[reportAttributeAccessIssue]

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator["Executor"]:
        async with self.running.running():
            yield self

    @asynccontextmanager
    async def client(self, workspace: str = "wsp_1") -> AsyncIterator[httpx.AsyncClient]:
        token = self.signer.sign(Caller("tester", workspace, ("read", "write")), audience="executor")
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.running.app),
            base_url="http://executor",
            headers={"authorization": f"Bearer {token}"},
        ) as client:
            yield client

    async def upload(self, path: str, content: bytes, workspace: str = "wsp_1") -> Input:
        digest = sha256(content).hexdigest()
        async with self.client(workspace) as client:
            answer = await client.put(f"/artifacts/{digest}", content=content)
        assert answer.status_code in (200, 201), answer.text
        return Input(path=path, sha256=digest)

    async def content(self, digest: str, workspace: str = "wsp_1") -> bytes:
        async with self.client(workspace) as client:
            answer = await client.get(f"/artifacts/{digest}")
        assert answer.status_code == 200, answer.text
        return answer.content

    async def show(self, event: TaskDispatched) -> dict[str, Any]:
        async with self.client(event.workspace_id) as client:
            answer = await client.get(f"/attempts/{event.attempt_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def hear(self, *envelopes: Envelope) -> None:
        subscription = service.subscriptions.by_name()[f"executor:{envelopes[0].kind}"]
        await consume(subscription, envelopes, self.running.database)

    async def dispatch(self, *events: TaskDispatched) -> None:
        await self.hear(*(envelope(event) for event in events))

    async def withdraw(self, event: TaskDispatched, reason: str = "The run was cancelled.") -> None:
        await self.hear(envelope(withdrawn(event, reason)))

    async def published(self) -> list[Envelope]:
        async with self.database.read() as view:
            rows = await view.connection.execute(select(OUTBOX.c.body).order_by(OUTBOX.c.position))
            return [decode(body)[0] for body in rows.scalars()]

    async def outcomes(self, event: TaskDispatched) -> list[Outcome]:
        facts = [envelope.event for envelope in await self.published()]
        return [f for f in facts if isinstance(f, Outcome) and f.attempt_id == event.attempt_id]

    async def outcome(self, event: TaskDispatched) -> Outcome:
        """What became of it, once something has."""
        await until(lambda: self._ended(event))
        [outcome] = await self.outcomes(event)
        return outcome

    async def _ended(self, event: TaskDispatched) -> bool:
        return bool(await self.outcomes(event))

    async def perform(self, command: Command, **fields: Any) -> Outcome:
        event = dispatched(command, **fields)
        await self.dispatch(event)
        return await self.outcome(event)

    async def is_started(self, event: TaskDispatched, marker: str) -> None:
        """Returns when the command has left the file `marker` in its workspace."""

        async def there() -> bool:
            # No `**`: it would look into the workspaces of others, which go while it looks.
            return any(self.settings.workspaces_dir.glob(f"*/{event.attempt_id}*/{marker}"))

        await until(there)

    def leftovers(self) -> list[Path]:
        return [path for folder in self.settings.workspaces_dir.iterdir() for path in folder.iterdir()]


@asynccontextmanager
async def in_its_own_process(executor: Executor) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """A process that serves the executor with the same settings; killed at the end if it still runs."""
    settings = executor.settings.model_dump(exclude_defaults=True)
    settings |= {"sealing_keys": executor.settings.sealing_keys.get_secret_value()}
    variables = {f"ORCHESTRA_{name.upper()}": str(value) for name, value in settings.items()}
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("serve.py")], env={**os.environ, **variables}, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout
            assert await asyncio.to_thread(process.stdout.readline) == b"ready\n"
            yield process
        finally:
            process.kill()


def processes_with(mark: str) -> list[int]:
    """Processes whose command line holds the mark, in whatever namespace they are."""
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in process.joinpath("cmdline").read_bytes():
                found.append(int(process.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
