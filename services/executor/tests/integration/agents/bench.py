"""The registry of an executor for a test: its database, a held clock, attempts that are taken up and ended."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from services.executor.tests.dispatches import dispatched
from sqlalchemy import func, select, update

from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.messaging.message import decode
from orchestra.chassis.testing.fakes import HeldClock
from orchestra.contracts.agents import AgentStatusChanged
from orchestra.contracts.ids import AttemptId
from orchestra.contracts.machine_work import AgentBrief, AgentKind, Difficulty
from orchestra.contracts.planning import Command
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.adapters.tables import ATTEMPT, HELD
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.agents.change_state import change_state
from orchestra.executor.application.agents.heartbeat import heartbeat, tell_absences
from orchestra.executor.application.agents.registry_ports import AgentReport, Learned
from orchestra.executor.application.agents.set_agent import set_agent
from orchestra.executor.application.attempts import Lease
from orchestra.executor.domain.agents.choosing import Choice
from orchestra.executor.domain.agents.outcomes import Outcome
from orchestra.executor.domain.agents.registry import Agent, AgentState, token_hash

TOKEN = "the-token-of-an-agent-outside"


def database_of(url: str, clock: Any = None) -> Database[ExecutorWork]:
    return Database(url, "executor", ExecutorWork, clock=clock, pool_size=4)


def work_for(agent: str = "any", workspace: str = "wsp_1", **brief: Any) -> TaskDispatched:
    command = Command(argv=(), agent=AgentBrief(**{"instructions": "Do it.", "tools": (), **brief}))
    return dispatched(command, workspace_id=workspace, agent=agent)


def lease(work: ExecutorWork) -> Lease:
    return Lease("host/1/1/a", work.now + timedelta(hours=1))


async def take(
    database: Database[ExecutorWork], workspace: str, slots: int = 10
) -> tuple[list[AttemptId], Mapping[AttemptId, Choice]]:
    """What a claim does: what is queued is leased and assigned in one transaction."""
    async with database.begin() as work:
        claimed = await work.attempts.claim(lease(work), slots=slots, kind="agent")
        held = [each for each in claimed if each.workspace_id == workspace]
        choices = await work.registry.assign(held)
        return [each.id for each in held], choices


async def end(database: Database[ExecutorWork], attempts: Sequence[AttemptId]) -> None:
    async with database.begin() as work:
        rows = update(ATTEMPT).where(ATTEMPT.c.id.in_(attempts))
        await work.connection.execute(rows.values(status="succeeded", ended_at=work.now))


async def held_by(database: Database[ExecutorWork], workspace: str) -> dict[str, int]:
    async with database.read() as view:
        query = select(ATTEMPT.c.agent, func.count().label("number")).where(ATTEMPT.c.workspace_id == workspace)
        rows = await view.connection.execute(query.where(HELD, ATTEMPT.c.agent.is_not(None)).group_by(ATTEMPT.c.agent))
        return {row.agent: row.number for row in rows}


class Bench:
    """Of one workspace."""

    def __init__(self, url: str) -> None:
        self.workspace, self.clock = f"wsp_{uuid4().hex}", HeldClock()
        self.database = database_of(url, self.clock)

    async def set(self, name: str, **changes: Any) -> Agent:
        async with self.database.begin() as work:
            work.by = "key_1"
            return (await set_agent(work, self.workspace, name, changes, offered=token_hash(TOKEN))).agent

    async def state(self, name: str, state: AgentState) -> Agent:
        async with self.database.begin() as work:
            return await change_state(work, self.workspace, name, state)

    async def beat(self, name: str, token: str = TOKEN) -> Agent:
        async with self.database.begin() as work:
            return await heartbeat(work, self.workspace, name, token)

    async def look_for_absences(self) -> bool:
        async with self.database.begin() as work:
            return await tell_absences(work)

    async def offer(self, *events: TaskDispatched) -> dict[AttemptId, Choice]:
        """Each event's attempt is queued, taken up, and assigned; all of them in one claim."""
        async with self.database.begin() as work:
            await work.attempts.accept([(event, None) for event in events])
        held, choices = await take(self.database, self.workspace, len(events))
        assert sorted(held) == sorted(event.attempt_id for event in events if event.command.agent is not None)
        return dict(choices)

    async def give(self, agent: str = "any", difficulty: Difficulty = "medium", **brief: Any) -> Choice:
        event = work_for(agent, self.workspace, difficulty=difficulty, **brief)
        return (await self.offer(event))[event.attempt_id]

    async def end_all(self) -> None:
        async with self.database.read() as view:
            held = (await view.connection.execute(select(ATTEMPT.c.id).where(HELD))).scalars().all()
        await end(self.database, held)

    async def learn(self, agent: str, *outcomes: Outcome, kind: AgentKind = "code", cost: int = 0, ms: int = 0) -> None:
        async with self.database.begin() as work:
            await work.registry.learn(*(Learned(self.workspace, agent, kind, each, cost, ms) for each in outcomes))

    async def report(self, name: str) -> AgentReport | None:
        async with self.database.read() as view:
            return await view.agents.report(self.workspace, name)

    async def names(self) -> list[str]:
        async with self.database.read() as view:
            return [each.agent.name for each in await view.agents.page(self.workspace, after=None, limit=100)]

    async def told(self) -> list[tuple[str, str | None, str]]:
        """Agent, status before and after."""
        async with self.database.read() as view:
            rows = await view.connection.execute(select(OUTBOX.c.body).order_by(OUTBOX.c.event_id))
            events = [envelope.event for body in rows.scalars() for envelope in decode(body)]
        mine = [e for e in events if isinstance(e, AgentStatusChanged) and e.workspace_id == self.workspace]
        return [(event.agent, event.before, event.state) for event in mine]
