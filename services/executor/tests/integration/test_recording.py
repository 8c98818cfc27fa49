"""Outcomes that are ready together are written together, whatever happens on the way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from services.executor.tests.dispatches import dispatched, python
from sqlalchemy import select

from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Unavailable
from orchestra.chassis.streams import LocalStreams
from orchestra.chassis.wakeups import LocalWakeups
from orchestra.contracts.execution import Evidence
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.adapters.artifact_store import DirectoryArtifacts
from orchestra.executor.adapters.sandbox.probe import RefusingSandbox
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.adapters.workspaces import DirectoryWorkspaces
from orchestra.executor.application.attempts import Lease
from orchestra.executor.application.perform_attempt import Bench
from orchestra.executor.application.ports import Outcome, Sandbox, SandboxCommand
from orchestra.executor.domain.attempt import EndedAttempt, HeldAttempt, Succeeded
from orchestra.executor.domain.policy import Level, Policy
from orchestra.executor.entrypoints.attempts import of_commands
from orchestra.executor.entrypoints.performances import Performances, Terms

EVIDENCE = Evidence(sandbox_level="L3", duration_ms=1)


class Unsteady(Database[ExecutorWork]):
    """A database that is away when told to be, and counts its writing transactions."""

    away = False
    transactions = 0
    slow: asyncio.Event | None = None
    """Until it is set no transaction ends."""

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[ExecutorWork]:
        if self.away:
            raise Unavailable("the database is away")
        self.transactions += 1
        async with super().begin() as work:
            yield work
            if self.slow is not None:
                await self.slow.wait()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Unsteady]:
    database = Unsteady(url, "executor", ExecutorWork, pool_size=3)
    yield database
    await database.close()


class EndlessSandbox(RefusingSandbox):
    """Runs what never ends."""

    async def perform(self, command: SandboxCommand, on_started: Callable[[int], None] | None = None) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


Attempts: TypeAlias = Performances[HeldAttempt, EndedAttempt]


def performing(database: Unsteady, folder: Path, sandbox: Sandbox, lease: float = 15, grace: float = 0) -> Attempts:
    store = DirectoryArtifacts(folder / "artifacts")
    bench = Bench(sandbox, DirectoryWorkspaces(folder / "spaces", store), store, Policy(), folder, LocalStreams())
    terms = Terms("me/1/2/3", slots=2, lease=lease, grace=grace)
    return Performances(database, LocalWakeups(), of_commands(bench), terms)


@pytest.fixture
def performances(database: Unsteady, tmp_path: Path) -> Attempts:
    return performing(database, tmp_path, RefusingSandbox(Level.NONE, "There is none.", ()))


async def claimed(database: Unsteady, count: int) -> list[HeldAttempt]:
    async with database.begin() as work:
        await work.attempts.accept([(dispatched(python("print(1)")), None) for _ in range(count)])
        lease = Lease("me/1/2/3", work.now)
        return await work.attempts.claim(lease, slots=count)


async def told(database: Unsteady) -> list[str]:
    async with database.read() as view:
        bodies = await view.connection.execute(select(OUTBOX.c.kind).order_by(OUTBOX.c.position))
        return list(bodies.scalars())


async def statuses(database: Unsteady, events: list[TaskDispatched]) -> list[str]:
    async with database.read() as view:
        found = [await view.attempts.find(event.workspace_id, event.attempt_id) for event in events]
    return [attempt.status for attempt in found if attempt]


async def test_what_is_ready_together_is_one_transaction(database: Unsteady, performances: Performances) -> None:
    attempts = await claimed(database, 5)
    before = database.transactions
    performances._tell_start(attempts[0])
    for attempt in attempts:
        performances._ended.append(EndedAttempt(attempt, Succeeded(EVIDENCE)))

    await performances.record()

    assert database.transactions == before + 1
    assert await told(database) == ["attempt.started.v1"] + ["attempt.succeeded.v1"] * 5


async def test_an_outcome_waits_until_the_database_is_back(database: Unsteady, performances: Performances) -> None:
    [attempt] = await claimed(database, 1)
    performances._ended.append(EndedAttempt(attempt, Succeeded(EVIDENCE)))
    database.away = True
    with pytest.raises(Unavailable):
        await performances.record()
    database.away = False

    await performances.record()
    await performances.record()

    assert await told(database) == ["attempt.succeeded.v1"]


async def test_one_that_cannot_be_written_does_not_keep_the_others_back(
    database: Unsteady, performances: Attempts
) -> None:
    attempts = await claimed(database, 3)
    broken: Any = ("no artifact",)
    endings = [Succeeded(EVIDENCE), Succeeded(EVIDENCE, broken), Succeeded(EVIDENCE)]
    for attempt, ending in zip(attempts, endings, strict=True):
        performances._ended.append(EndedAttempt(attempt, ending))

    await performances.record()

    assert await statuses(database, [a.dispatch for a in attempts]) == ["succeeded", "leased", "succeeded"]


async def test_without_a_sandbox_commands_are_refused_with_the_reason(
    database: Unsteady, performances: Attempts, tmp_path: Path
) -> None:
    async with database.begin() as work:
        await work.attempts.accept([(dispatched(python("print(1)")), None)])
    await performances.claim()
    while performances._performing:
        [task] = performances._tasks()
        await task
    await performances.record()

    async with database.read() as view:
        [attempt] = await view.attempts.page("wsp_1", run_id=None, task_id=None, after=None, limit=5)

    assert (attempt.status, attempt.failure, attempt.reason) == ("failed", "policy", "There is none.")
    assert not any((tmp_path / "spaces").iterdir())


async def test_a_command_is_stopped_when_the_database_stays_away_for_a_lease(
    database: Unsteady, tmp_path: Path
) -> None:
    performances = performing(database, tmp_path, EndlessSandbox(Level.L3, "", ()), lease=0.5)
    event = dispatched(python("print(1)"))
    async with database.begin() as work:
        await work.attempts.accept([(event, None)])
    await performances.claim()
    [task] = performances._tasks()
    await performances.keep()
    database.away = True

    async with asyncio.timeout(10):
        await task
    with pytest.raises(Unavailable):
        await performances.keep()
    database.away = False
    await performances.record()

    async with database.read() as view:
        attempt = await view.attempts.find(event.workspace_id, event.attempt_id)
    assert attempt
    assert (attempt.failure, attempt.reason) == ("lost", "Its lease could not be renewed in time.")
    assert attempt.evidence


async def test_what_is_claimed_while_it_is_stopped_is_performed(database: Unsteady, tmp_path: Path) -> None:
    performances = performing(database, tmp_path, RefusingSandbox(Level.NONE, "There is none.", ()), grace=10)
    event = dispatched(python("print(1)"))
    async with database.begin() as work:
        await work.attempts.accept([(event, None)])
    database.slow = asyncio.Event()
    before = database.transactions
    claim = asyncio.create_task(performances.claim())
    while database.transactions == before:
        await asyncio.sleep(0)
    claim.cancel()
    database.slow.set()
    with pytest.raises(asyncio.CancelledError):
        await claim

    await performances.stop()

    async with database.read() as view:
        attempt = await view.attempts.find(event.workspace_id, event.attempt_id)
    assert attempt
    assert attempt.failure == "policy"  # by a sandbox that refuses all


async def test_a_claim_whose_commit_nobody_heard_of_is_lost_and_not_forgotten(
    database: Unsteady, performances: Attempts
) -> None:
    [attempt] = await claimed(database, 1)

    await performances.stop()

    assert await statuses(database, [attempt.dispatch]) == ["failed"]
    assert await told(database) == ["attempt.failed.v1"]
