"""Ports of the registry of agents: the one that attempts use, and those to what is stored."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from orchestra.contracts.event import Event
from orchestra.contracts.ids import AttemptId, WorkspaceId
from orchestra.contracts.machine_work import AgentKind
from orchestra.executor.domain.agents.choosing import Choice
from orchestra.executor.domain.agents.outcomes import Outcome
from orchestra.executor.domain.agents.registry import NO_RESULTS, Agent, Results
from orchestra.executor.domain.agents.scoring import Candidate
from orchestra.executor.domain.attempt import HeldAttempt

__all__ = ["AgentReport", "Agents", "Choice", "Learned", "Registry", "RegistryWork"]


@dataclass(frozen=True)
class Learned:
    """What came of one attempt."""

    workspace_id: WorkspaceId
    agent: str
    kind: AgentKind
    outcome: Outcome
    cost_micros: int
    duration_ms: int


class Registry(Protocol):
    """For whoever takes up and ends attempts; both within that transaction."""

    async def assign(self, held: Sequence[HeldAttempt]) -> Mapping[AttemptId, Choice]:
        """Find an agent for each that is work for one, and write it in its row; the others are left out.

        It counts what every agent has under lease, those that are given here included, and keeps other transactions
        from doing so until the commit: no agent has more than its concurrency.
        """
        ...

    async def learn(self, *learned: Learned) -> None:
        """Count results, once each: call it where the attempt's end is accepted."""
        ...


@dataclass(frozen=True)
class AgentReport:
    """An agent as it is shown."""

    agent: Agent
    held: int = 0
    results: Results = NO_RESULTS
    by_kind: Mapping[AgentKind, Results] = field(default_factory=dict[AgentKind, Results])


class Agents(Protocol):
    """What is stored. Where a workspace has registered nothing, its one agent is the built-in one."""

    async def locked(self, workspace_id: WorkspaceId, name: str) -> Agent | None:
        """Until the commit it changes nowhere else."""
        ...

    async def write(self, agent: Agent) -> None:
        """In place of what is there."""
        ...

    async def report(self, workspace_id: WorkspaceId, name: str) -> AgentReport | None:
        """With the results by kind."""
        ...

    async def page(self, workspace_id: WorkspaceId, *, after: str | None, limit: int) -> list[AgentReport]:
        """By name."""
        ...

    async def candidates(
        self, workspaces: Collection[WorkspaceId], besides: Collection[AttemptId]
    ) -> dict[WorkspaceId, list[Candidate]]:
        """All agents of these, locked until the commit, with what they hold beside these attempts."""
        ...

    async def earlier(self, attempts: Sequence[HeldAttempt]) -> Mapping[AttemptId, str]:
        """Who had the conversation that each of them goes on with; those that begin one are left out."""
        ...

    async def hand_out(self, given: Mapping[AttemptId, str], passed: Mapping[tuple[WorkspaceId, str], int]) -> None:
        """Write who has which attempt, and how often those on probation were passed over."""
        ...

    async def add_results(self, learned: Sequence[Learned]) -> None: ...

    async def take_silent(self, before: datetime, limit: int) -> list[Agent]:
        """Those that were last said to be there and gave no sign of life since; locked, one caller gets each."""
        ...


class RegistryWork(Protocol):
    """One transaction."""

    @property
    def now(self) -> datetime: ...

    @property
    def by(self) -> str | None: ...

    @property
    def agents(self) -> Agents: ...

    def publish(self, *events: Event, trace: str | None = None) -> None: ...
