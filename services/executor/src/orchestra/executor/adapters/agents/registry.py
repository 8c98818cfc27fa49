"""Agents in the database."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, func, select, update

from orchestra.chassis.database.statement import Statement, given
from orchestra.contracts.ids import AttemptId, WorkspaceId
from orchestra.executor.adapters.agents.earlier import earlier_agents
from orchestra.executor.adapters.agents.results import ALL, add_results, results_of
from orchestra.executor.adapters.agents.tables import AGENT, HEARD
from orchestra.executor.adapters.tables import ATTEMPT, HELD
from orchestra.executor.application.agents.registry_ports import AgentReport, Learned
from orchestra.executor.domain.agents.registry import HOUSE, NO_RESULTS, Agent, house
from orchestra.executor.domain.agents.scoring import Candidate
from orchestra.executor.domain.attempt import HeldAttempt

if TYPE_CHECKING:
    from orchestra.executor.adapters.work import ExecutorWork

_C = AGENT.c
_KEY = ("workspace_id", "name")

_HAND_OUT = Statement(lambda _: update(ATTEMPT).where(ATTEMPT.c.id == given("attempt")).values(agent=given("agent")))
_PASSED = Statement(
    lambda _: (
        update(AGENT)
        .where(_C.workspace_id == given("workspace"), _C.name == given("agent"))
        .values(passed=given("passed"))
    )
)


class SqlAgents:
    def __init__(self, work: "ExecutorWork") -> None:
        self._work = work
        self._run = work.connection.execute

    async def locked(self, workspace_id: WorkspaceId, name: str) -> Agent | None:
        return await self._find(workspace_id, name, self._work.dialect.locked(_one(workspace_id, name)))

    async def write(self, agent: Agent) -> None:
        values = _values(agent)
        insert = self._work.dialect.insert(AGENT).values(**values)
        changed = {name: value for name, value in values.items() if name not in _KEY}
        await self._run(insert.on_conflict_do_update(index_elements=list(_KEY), set_=changed))

    async def report(self, workspace_id: WorkspaceId, name: str) -> AgentReport | None:
        agent = await self._find(workspace_id, name, _one(workspace_id, name))
        if agent is None:
            return None
        [report] = await self._reports([agent], by_kind=True)
        return report

    async def page(self, workspace_id: WorkspaceId, *, after: str | None, limit: int) -> list[AgentReport]:
        mine = select(AGENT).where(_C.workspace_id == workspace_id)
        rows = await self._run(mine.where(_C.name > (after or "")).order_by(_C.name).limit(limit))
        agents = [_agent(row) for row in rows]
        if not agents and after is None:
            agents = [house(workspace_id)]
        return await self._reports(agents)

    async def candidates(
        self, workspaces: Collection[WorkspaceId], besides: Collection[AttemptId]
    ) -> dict[WorkspaceId, list[Candidate]]:
        dialect, wanted = self._work.dialect, sorted(workspaces)
        # All of a workspace's agents, always in the same order: whoever assigns there next waits for this commit, and
        # then counts what is given here.
        query = select(AGENT).where(dialect.one_of(_C.workspace_id, wanted)).order_by(_C.workspace_id, _C.name)
        found: dict[WorkspaceId, list[tuple[Agent, int]]] = {each: [] for each in wanted}
        for row in await self._run(dialect.locked(query)):
            found[row.workspace_id].append((_agent(row), row.passed))
        everybody = {each: rows or [(house(each), 0)] for each, rows in found.items()}
        keys = [(each, agent.name) for each, rows in everybody.items() for agent, _ in rows]
        held, results = await self._held(wanted, besides), await results_of(self._work, keys)
        return {
            each: [
                Candidate(
                    agent, results.get((each, agent.name, ALL), NO_RESULTS), held.get((each, agent.name), 0), passed
                )
                for agent, passed in rows
            ]
            for each, rows in everybody.items()
        }

    async def earlier(self, attempts: Sequence[HeldAttempt]) -> dict[AttemptId, str]:
        return await earlier_agents(self._work, attempts)

    async def hand_out(self, given: Mapping[AttemptId, str], passed: Mapping[tuple[WorkspaceId, str], int]) -> None:
        await self._work.execute(_HAND_OUT, [{"attempt": id_, "agent": name} for id_, name in given.items()])
        rows = [{"workspace": each, "agent": name, "passed": n} for (each, name), n in passed.items()]
        await self._work.execute(_PASSED, rows)

    async def add_results(self, learned: Sequence[Learned]) -> None:
        await add_results(self._work, learned)

    async def take_silent(self, before: datetime, limit: int) -> list[Agent]:
        query = select(AGENT).where(HEARD, _C.state == "active", _C.heartbeat_at < before)
        taken = self._work.dialect.locked(query.order_by(_C.heartbeat_at).limit(limit), skip_locked=True)
        return [_agent(row) for row in await self._run(taken)]

    async def _find(self, workspace_id: WorkspaceId, name: str, query: Select[Any]) -> Agent | None:
        row = (await self._run(query)).first()
        if row is not None:
            return _agent(row)
        if name != HOUSE:
            return None
        others = select(func.count()).select_from(AGENT).where(_C.workspace_id == workspace_id)
        return None if (await self._run(others)).scalar_one() else house(workspace_id)

    async def _reports(self, agents: Sequence[Agent], *, by_kind: bool = False) -> list[AgentReport]:
        keys = [(agent.workspace_id, agent.name) for agent in agents]
        results = await results_of(self._work, keys, by_kind=by_kind)
        held = await self._held({workspace_id for workspace_id, _ in keys}, ())

        def report(agent: Agent) -> AgentReport:
            key = (agent.workspace_id, agent.name)
            kinds: dict[Any, Any] = {k[2]: found for k, found in results.items() if k[:2] == key and k[2] != ALL}
            return AgentReport(agent, held.get(key, 0), results.get((*key, ALL), NO_RESULTS), kinds)

        return [report(agent) for agent in agents]

    async def _held(
        self, workspaces: Iterable[WorkspaceId], besides: Collection[AttemptId]
    ) -> dict[tuple[WorkspaceId, str], int]:
        theirs = self._work.dialect.one_of(ATTEMPT.c.workspace_id, sorted(workspaces))
        others = ~self._work.dialect.one_of(ATTEMPT.c.id, sorted(besides))
        query = (
            select(ATTEMPT.c.workspace_id, ATTEMPT.c.agent, func.count())
            .where(HELD, ATTEMPT.c.agent.is_not(None), theirs, others)
            .group_by(ATTEMPT.c.workspace_id, ATTEMPT.c.agent)
        )
        return {(workspace_id, name): number for workspace_id, name, number in await self._run(query)}


def _one(workspace_id: WorkspaceId, name: str) -> Select[Any]:
    return select(AGENT).where(and_(_C.workspace_id == workspace_id, _C.name == name))


def _agent(row: Any) -> Agent:
    return Agent(
        workspace_id=row.workspace_id,
        name=row.name,
        type=row.type,
        kinds=frozenset(row.kinds),
        capabilities=frozenset(row.capabilities),
        model=row.model,
        tools=None if row.tools is None else frozenset(row.tools),
        concurrency=row.concurrency,
        state=row.state,
        outside=row.outside,
        token_hash=row.token_hash,
        heartbeat_at=row.heartbeat_at,
        told=row.told,
    )


def _values(agent: Agent) -> dict[str, Any]:
    return {
        "workspace_id": agent.workspace_id,
        "name": agent.name,
        "type": agent.type,
        "kinds": sorted(agent.kinds),
        "capabilities": sorted(agent.capabilities),
        "model": agent.model,
        "tools": None if agent.tools is None else sorted(agent.tools),
        "concurrency": agent.concurrency,
        "state": agent.state,
        "outside": agent.outside,
        "token_hash": agent.token_hash,
        "heartbeat_at": agent.heartbeat_at,
        "told": agent.told,
    }
