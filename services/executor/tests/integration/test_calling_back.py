"""Recalls and cancelled runs: what has not begun never will, what has begun goes on or is stopped, in either order."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import permutations
from pathlib import Path
from uuid import uuid4

import pytest
from services.executor.tests.dispatches import cancelled, dispatched, python, recalled, withdrawn
from services.executor.tests.integration.harness import Executor, envelope, processes_with, until

from orchestra.contracts.event import Event
from orchestra.contracts.execution import AttemptFailed, AttemptReturned
from orchestra.contracts.scheduling import TaskDispatched


@pytest.fixture
def idle(url: str, tmp_path: Path) -> Executor:
    """With one slot, which `occupied` takes: what it accepts stays queued."""
    return Executor(url, tmp_path, slots=1)


async def returned(executor: Executor) -> list[str]:
    facts = [each.event for each in await executor.published()]
    return [fact.attempt_id for fact in facts if isinstance(fact, AttemptReturned)]


async def hear(executor: Executor, *events: Event) -> None:
    for event in events:
        await executor.hear(envelope(event))


@pytest.mark.parametrize("order", list(permutations(range(2))), ids=str)
async def test_what_has_not_begun_is_given_back_once_whatever_comes_first(
    idle: Executor, order: tuple[int, ...]
) -> None:
    event = dispatched(python("print(1)"))
    said: list[Event] = [event, recalled(event)]
    async with occupied(idle):
        await hear(idle, *(said[place] for place in order), recalled(event), event, withdrawn(event))

        assert await returned(idle) == [event.attempt_id]
    assert await idle.outcomes(event) == []


async def test_what_has_begun_goes_on_to_its_end_when_it_is_recalled(url: str, tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = (
        "import pathlib, time\npathlib.Path('begun').touch()\nwhile not pathlib.Path('go').exists(): time.sleep(0.02)"
    )
    event = dispatched(python(code))
    async with Executor(url, tmp_path).at_work() as executor:
        await executor.dispatch(event)
        await executor.is_started(event, "begun")
        await hear(executor, recalled(event))
        [workspace] = executor.settings.workspaces_dir.glob(f"workspaces/{event.attempt_id}*")
        (workspace / go.name).touch()
        outcome = await executor.outcome(event)

    assert not isinstance(outcome, AttemptFailed), outcome
    assert await returned(executor) == []


@pytest.mark.parametrize("first", ["the dispatches", "the cancellation"])
async def test_one_event_withdraws_a_whole_run_whatever_comes_first(idle: Executor, first: str) -> None:
    events = [dispatched(python("print(1)"), run_id="run_off") for _ in range(30)]
    other = dispatched(python("print(1)"), run_id="run_on")
    async with occupied(idle):
        if first == "the dispatches":
            await idle.dispatch(*events, other)
            await hear(idle, cancelled(events[0]))
        else:
            await hear(idle, cancelled(events[0]))
            await idle.dispatch(*events, other)

        shown = [await idle.show(event) for event in events]
        assert {(each["status"], each["reason"]) for each in shown} == {("withdrawn", "The run was cancelled.")}
        assert (await idle.show(other))["status"] == "queued"
    assert await returned(idle) == []


async def test_a_running_command_of_a_cancelled_run_is_stopped_and_its_partial_log_kept(
    url: str, tmp_path: Path
) -> None:
    mark = uuid4().hex
    event = dispatched(python(f"import time; print('so far', flush=True); time.sleep(600)  # {mark}"))
    async with Executor(url, tmp_path).at_work() as executor:
        await executor.dispatch(event)
        await until(lambda: _said(executor, event))
        await hear(executor, cancelled(event))
        outcome = await executor.outcome(event)

        assert isinstance(outcome, AttemptFailed)
        assert (outcome.failure, outcome.reason) == ("cancelled", "The run was cancelled.")
        assert outcome.evidence is not None
        assert outcome.evidence.log is not None
        assert await executor.content(outcome.evidence.log.sha256) == b"so far\n"
        assert processes_with(mark) == []


async def test_a_dispatch_that_did_not_see_the_end_of_its_run_meets_it_at_its_first_renewal(
    url: str, tmp_path: Path
) -> None:
    """On two replicas at the same moment: the tombstone is committed after the dispatch has looked for it."""
    event = dispatched(python("import time; time.sleep(600)"))
    async with Executor(url, tmp_path, lease_seconds=6.0).at_work() as executor:
        await executor.dispatch(event)
        await until(lambda: _is(executor, event, "running"))
        async with executor.database.begin() as work:
            await work.attempts.withdraw_run(cancelled(event).model_copy(update={"workspace_id": "wsp_0"}), "cancelled")
        outcome = await executor.outcome(event)

    assert isinstance(outcome, AttemptFailed)
    assert outcome.failure == "cancelled"


@asynccontextmanager
async def occupied(executor: Executor) -> AsyncGenerator[None]:
    """The executor at work, with its one slot taken by a command that ends with the block."""
    event = dispatched(python("import time; time.sleep(600)"), run_id="run_0")
    async with executor.at_work():
        await executor.dispatch(event)
        await until(lambda: _is(executor, event, "leased", "running"))
        yield
        await executor.withdraw(event)
        await executor.outcome(event)


async def _is(executor: Executor, event: TaskDispatched, *statuses: str) -> bool:
    return (await executor.show(event))["status"] in statuses


async def _said(executor: Executor, event: TaskDispatched) -> bool:
    logs = executor.settings.workspaces_dir.glob(f"logs/{event.attempt_id}*")
    return any(log.read_bytes() for log in logs)
