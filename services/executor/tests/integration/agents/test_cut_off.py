"""A call of a server's tool that is cut off: whoever performs the attempt dies, or is stopped, while it is under way.
The tool can neither be asked twice nor looked up, so that nobody knows what came of it, and a person decides."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from services.executor.tests.integration.agents.theatre import (
    again,
    agent_work,
    agents_at,
    asked,
    decisions,
    executor_of,
    finishes,
)
from services.executor.tests.integration.harness import Executor, in_its_own_process, until
from tests.standins import ModelStandIn, calls_tool
from tests.standins.mcp_server import Harbour, McpStandIn

from orchestra.contracts.execution import AttemptFailed, AttemptSucceeded, AttemptSuspended
from orchestra.contracts.machine_work import AgentAnswer
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.contracts.suspensions import ApprovalNeeded

BOOK = "mcp__harbour__book"


async def killed(executor: Executor, event: TaskDispatched, harbour: Harbour) -> None:
    async with in_its_own_process(executor):
        await executor.dispatch(event)
        await until(harbour.has_booked)
    await executor.database.close()


async def stopped(executor: Executor, event: TaskDispatched, harbour: Harbour) -> None:
    async with executor.at_work():
        await executor.dispatch(event)
        await until(harbour.has_booked)


@pytest.mark.parametrize(
    ("end", "approved"), [(killed, True), (stopped, False)], ids=["killed, approved", "stopped, denied"]
)
async def test_it_is_not_made_again_before_a_person_has_said_so(
    url: str,
    tmp_path: Path,
    provider: ModelStandIn,
    end: Callable[[Executor, TaskDispatched, Harbour], Awaitable[None]],
    approved: bool,
) -> None:
    provider.script(calls_tool(BOOK, place="Faro"))
    first = agent_work({"tools": ("mcp:harbour/book",)})
    harbour = Harbour()
    async with McpStandIn(handler=harbour) as server:
        servers = tmp_path / "servers.toml"
        servers.write_text(f'[servers.harbour]\nurl = "{server.endpoint}"\n')
        settings: dict[str, Any] = {"tool_servers_file": servers}
        dying = executor_of(url, tmp_path, provider, stop_grace_seconds=0, lease_seconds=600, **settings)
        await end(dying, first, harbour)
        harbour.left.set()
        async with agents_at(url, tmp_path, provider, **settings) as executor:
            lost = await executor.outcome(first)
            assert isinstance(lost, AttemptFailed)
            assert lost.failure == "lost"

            second = again(first)
            await executor.dispatch(second)
            rests = await executor.outcome(second)
            assert isinstance(rests, AttemptSuspended), rests
            asks = rests.waits_for
            assert isinstance(asks, ApprovalNeeded)
            assert asks.tool == BOOK
            told = "(place: 'Faro'). It was begun before, and nobody knows whether it had its effect."
            assert told in asks.summary
            assert harbour.booked == ["Faro"]

            provider.script(finishes())
            said = AgentAnswer(checkpoint_id="chk_1", about="approval", id=asks.digest, approved=approved, by="ana")
            third = again(second, answers=(said,))
            await executor.dispatch(third)
            ended = await executor.outcome(third)
            assert isinstance(ended, AttemptSucceeded), ended
            made = await decisions(executor)

    assert made == [
        (BOOK, "unknown" if approved else "begun"),
        (BOOK, "asked"),
        (BOOK, "done" if approved else "refused"),
    ]
    assert harbour.booked == ["Faro"] * (2 if approved else 1)
    wanted, goes_on = asked(provider)  # what the model wanted was never asked of it twice
    assert "Booked" not in wanted
    assert ("Booked: berth 2." if approved else "ana has not approved this call") in goes_on
