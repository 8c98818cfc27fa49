"""One attempt is performed by one executor, whoever dies or is stopped."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.executor.tests.dispatches import dispatched, python
from services.executor.tests.integration.harness import Executor, in_its_own_process, processes_with, until

from orchestra.chassis.ids import new_id
from orchestra.contracts.execution import AttemptFailed, AttemptSucceeded
from orchestra.executor.adapters.owner import is_dead, this_process
from orchestra.executor.adapters.tables import ATTEMPT

ENDLESS = python("open('marker', 'w').close()\nwhile True: pass", timeout_s=120)


async def test_two_executors_never_perform_the_same_attempt(url: str, tmp_path: Path) -> None:
    one = Executor(url, tmp_path, slots=3)
    two = Executor(url, tmp_path, one.signer, slots=3)
    events = [dispatched(python(f"print({n})")) for n in range(24)]
    async with one.at_work(), two.at_work():
        await asyncio.gather(one.dispatch(*events[:12]), two.dispatch(*events[12:]))
        outcomes = [await one.outcome(event) for event in events]

    assert all(isinstance(outcome, AttemptSucceeded) for outcome in outcomes)
    assert [outcome.evidence.tail for outcome in outcomes if outcome.evidence] == [f"{n}\n" for n in range(24)]


async def test_who_lost_the_lease_stops_the_command_and_cannot_write(url: str, tmp_path: Path) -> None:
    event = dispatched(ENDLESS)
    async with Executor(url, tmp_path, lease_seconds=3).at_work() as executor:
        await executor.dispatch(event)
        await executor.is_started(event, "marker")
        async with executor.database.begin() as work:
            await work.connection.execute(ATTEMPT.update().values(lease_owner="another/1/2/3"))

        async def stopped() -> bool:
            return executor.leftovers() == []

        await until(stopped)
        executor.running.wakeups.wake("leases")
        outcome = await executor.outcome(event)

    # The other one never renewed it, so the end that counts is that of its lease.
    assert isinstance(outcome, AttemptFailed)
    assert (outcome.failure, outcome.evidence) == ("lost", None)


async def test_a_lease_that_nobody_renews_is_lost_exactly_once(url: str, tmp_path: Path) -> None:
    event = dispatched(ENDLESS)
    one = Executor(url, tmp_path, lease_seconds=1)
    two = Executor(url, tmp_path, one.signer, lease_seconds=1, slots=1)
    async with one.at_work(), two.at_work():
        async with one.database.begin() as work:
            await work.attempts.accept([(event, None)])
            await work.connection.execute(
                ATTEMPT.update().values(
                    status="running", lease_owner="far/1/2/3", lease_until=work.now, started_at=work.now
                )
            )
        outcome = await one.outcome(event)
        for executor in (one, two):
            executor.running.wakeups.wake("leases")
        await one.perform(python(""))
        assert len(await one.outcomes(event)) == 1

    assert isinstance(outcome, AttemptFailed)
    assert outcome.failure == "lost"


async def test_a_stop_lets_a_running_command_end(url: str, tmp_path: Path) -> None:
    event = dispatched(python("import time\nopen('marker', 'w').close()\ntime.sleep(1)\nprint('done')"))
    executor = Executor(url, tmp_path)
    async with executor.at_work():
        await executor.dispatch(event)
        await executor.is_started(event, "marker")

    async with _only_looking(url, tmp_path, executor) as later:
        outcome = await later.outcome(event)
    assert isinstance(outcome, AttemptSucceeded)
    assert outcome.evidence.tail == "done\n"


async def test_a_stop_ends_what_takes_too_long_and_leaves_nothing(url: str, tmp_path: Path) -> None:
    running, queued = dispatched(ENDLESS), dispatched(python("print('later')"))
    executor = Executor(url, tmp_path, stop_grace_seconds=0.2, slots=1)
    async with executor.at_work():
        await executor.dispatch(running)
        await executor.is_started(running, "marker")
        await executor.dispatch(queued)
    assert executor.leftovers() == []

    async with _only_looking(url, tmp_path, executor) as later:
        lost, done = await later.outcome(running), await later.outcome(queued)
    assert isinstance(lost, AttemptFailed)
    assert lost.failure == "lost"
    assert lost.evidence
    assert isinstance(done, AttemptSucceeded)


@asynccontextmanager
async def _only_looking(url: str, files: Path, before: Executor) -> AsyncIterator[Executor]:
    async with Executor(url, files, before.signer).at_work() as executor:
        yield executor


async def test_a_killed_executor_has_lost_its_attempts_at_once(url: str, tmp_path: Path) -> None:
    mark = new_id("mark")
    event = dispatched(python(f"open('marker', 'w').close()\nwhile True: pass # {mark}", timeout_s=120))
    waiting = Executor(url, tmp_path, lease_seconds=600)  # only whoever knows of the death need not wait so long
    async with in_its_own_process(waiting):
        async with waiting.database.begin() as work:
            await work.attempts.accept([(event, None)])
        await waiting.is_started(event, "marker")
        assert processes_with(mark)

    async with waiting.at_work():
        outcome = await waiting.outcome(event)
        assert waiting.leftovers() == []

    assert isinstance(outcome, AttemptFailed)
    assert outcome.failure == "lost"
    assert processes_with(mark) == []


async def test_a_stop_signal_is_heard_by_the_real_process(url: str, tmp_path: Path) -> None:
    event = dispatched(ENDLESS)
    waiting = Executor(url, tmp_path, lease_seconds=600, stop_grace_seconds=0.2)
    async with in_its_own_process(waiting) as process:
        async with waiting.database.begin() as work:
            await work.attempts.accept([(event, None)])
        await waiting.is_started(event, "marker")
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 20) == 0

    outcome = await waiting.outcome(event)
    await waiting.database.close()

    assert isinstance(outcome, AttemptFailed)
    assert outcome.failure == "lost"
    assert outcome.evidence
    assert waiting.leftovers() == []


def test_a_process_knows_which_owners_of_its_machine_are_dead() -> None:
    machine, pid, born, _ = this_process().rsplit("/", 3)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert child.stdin
    stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()[19]
    theirs = f"{machine}/{child.pid}/{stat}/x"

    assert not is_dead(this_process())
    assert not is_dead(theirs)
    assert is_dead(f"{machine}/{pid}/{int(born) - 1}/x"), "the id has been given to another process since"
    assert not is_dead(f"another/{pid}/{int(born) - 1}/x")

    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_dead(theirs), "it has ended, although nobody has taken note of it"
    child.stdin.close()
    child.wait()
    assert is_dead(theirs)
