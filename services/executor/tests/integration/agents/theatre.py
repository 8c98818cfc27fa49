"""An executor with a scripted provider, and dispatches for agents."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from services.executor.tests.dispatches import dispatched
from services.executor.tests.integration.harness import Executor
from sqlalchemy import select
from tests.standins import ModelStandIn, Tokens, Turn, calls_tool
from tests.standins.configured import models_toml
from tests.standins.server import KEY
from tests.standins.turns import ToolUse

from orchestra.contracts.machine_work import AgentBrief
from orchestra.contracts.planning import Command
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.adapters.agents.tables import TOOL_CALL
from orchestra.executor.adapters.money.tables import LEDGER


def executor_of(url: str, folder: Path, provider: ModelStandIn | None, **settings: Any) -> Executor:
    if provider is not None:
        models = folder / "models.toml"
        models.write_text(models_toml(provider.url, "small"))
        settings |= {"models_file": models, "model_calls": "loopback"}
    return Executor(url, folder, **settings)


@asynccontextmanager
async def agents_at(url: str, folder: Path, provider: ModelStandIn | None, **settings: Any) -> AsyncIterator[Executor]:
    async with executor_of(url, folder, provider, **settings).at_work() as running:
        yield running


def agent_work(brief: dict[str, Any] | None = None, **fields: Any) -> TaskDispatched:
    """`brief` and what a command has (outputs, tools, hosts …); other fields are the dispatch's."""
    known: dict[str, Any] = {"instructions": "Write a poem about a harbour to poem.txt.", "verify": "none"}
    names = Command.model_fields.keys()
    command = {name: fields.pop(name) for name in list(fields) if name in names}
    return dispatched(Command(agent=AgentBrief(**known | (brief or {})), **command), agent="any", **fields)


def again(event: TaskDispatched, **fields: Any) -> TaskDispatched:
    """The next attempt at the same task."""
    number = event.number + 1
    # No id ends so by itself: it is always another one.
    changed = {"attempt_id": f"{event.attempt_id[:-2]}n{number}", "number": number, "token": event.token + 1}
    return event.model_copy(update=changed | fields)


def finishes(summary: str = "It is done.", tokens: Tokens | None = None, **more: Any) -> Turn:
    return calls_tool("finish", tokens, summary=summary, **more)


def writes(path: str, content: str) -> Turn:
    return calls_tool("write_file", path=path, content=content)


def runs(*argv: str) -> Turn:
    return calls_tool("run_command", argv=list(argv))


def at_once(*uses: ToolUse) -> Turn:
    return Turn(tools=uses)


def asked(provider: ModelStandIn) -> list[str]:
    """All requests to a model, whole."""
    return [request.everything for request in provider.received if request.path == "/v1/messages"]


async def decisions(executor: Executor) -> list[tuple[str, str]]:
    """(tool, status) of all calls, as the broker has written them down."""
    async with executor.database.read() as view:
        rows = await view.connection.execute(select(TOOL_CALL.c.tool, TOOL_CALL.c.status).order_by(TOOL_CALL.c.id))
        return [(row.tool, row.status) for row in rows]


async def ledger(executor: Executor) -> list[tuple[str, str]]:
    """(purpose, status) of all requests to models."""
    async with executor.database.read() as view:
        rows = await view.connection.execute(select(LEDGER.c.purpose, LEDGER.c.status).order_by(LEDGER.c.id))
        return [(row.purpose, row.status) for row in rows]


__all__ = ["KEY"]
