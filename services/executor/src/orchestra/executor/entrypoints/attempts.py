"""Attempts at tasks, as leased work: of commands and of agents, each with places of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from orchestra.chassis.errors import Transient, Unavailable
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.tracing import traceparent
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.accept_dispatches import WOKEN
from orchestra.executor.application.agents.claim_agents import claim_agents
from orchestra.executor.application.agents.perform_agent import AgentBench, perform_agent
from orchestra.executor.application.agents.record_agents import record_agents
from orchestra.executor.application.attempts import Lease
from orchestra.executor.application.claim_attempts import Claim, claim_attempts
from orchestra.executor.application.keep_leases import keep_leases, lose_all_of
from orchestra.executor.application.perform_attempt import Bench, perform_attempt
from orchestra.executor.application.performance import Performance
from orchestra.executor.application.record_attempts import record_attempts
from orchestra.executor.domain.attempt import AttemptKind, EndedAttempt, Ending, Failed, HeldAttempt
from orchestra.executor.entrypoints.traces import attempted

log = logger("attempts")


Perform = Callable[[HeldAttempt, asyncio.Future[Failed], Callable[[int], None]], Awaitable[Ending]]


@dataclass(frozen=True)
class Attempts:
    """Of commands."""

    kind: AttemptKind
    endings: str
    leases: str
    bench: Bench
    work: Perform

    @property
    def name(self) -> str:
        return WOKEN[self.kind]

    async def claim(self, work: ExecutorWork, lease: Lease, slots: int) -> Claim[HeldAttempt]:
        return await claim_attempts(work, self.bench.policy, lease, slots)

    async def perform(self, performance: Performance[HeldAttempt]) -> EndedAttempt:
        with attempted(performance.held, self.bench.sandbox.level) as tell_ending:
            # What is told of it from here on follows from this span.
            attempt = performance.held = replace(performance.held, trace=traceparent())
            try:
                ending = await self.work(attempt, performance.stopped, performance.on_started)
            except (Unavailable, Transient) as away:
                ending = Failed("lost", f"The executor's database was away: {away}")
            except Exception as error:
                log.exception("attempt broke off", attempt_id=attempt.id)
                ending = Failed("transient", f"The executor could not perform it: {type(error).__name__}: {error}")
            tell_ending(ending)
            failure = ending.failure if isinstance(ending, Failed) else None
            log.info("attempt", attempt_id=attempt.id, workspace_id=attempt.workspace_id, failure=failure)
        return EndedAttempt(attempt, ending)

    async def record(self, work: ExecutorWork, started: Sequence[HeldAttempt], ended: Sequence[EndedAttempt]) -> None:
        await record_attempts(work, started, ended)

    async def keep(self, work: ExecutorWork, lease: Lease, held: Sequence[str]) -> Mapping[str, str | None]:
        return await keep_leases(work, lease, held)

    async def lose(self, work: ExecutorWork, owners: Sequence[str], reason: str) -> None:
        await lose_all_of(work, owners, reason, self.kind)


class AgentAttempts(Attempts):
    """Each is given to an agent, about which its end says something."""

    async def claim(self, work: ExecutorWork, lease: Lease, slots: int) -> Claim[HeldAttempt]:
        return await claim_agents(work, work.registry, self.bench.policy, lease, slots)

    async def record(self, work: ExecutorWork, started: Sequence[HeldAttempt], ended: Sequence[EndedAttempt]) -> None:
        await record_agents(work, work.registry, started, ended)


def of_commands(bench: Bench) -> Attempts:
    return Attempts("command", "endings", "leases", bench, partial(perform_attempt, bench))


def of_agents(desk: AgentBench) -> Attempts:
    return AgentAttempts("agent", "agent endings", "agent leases", desk.bench, partial(perform_agent, desk))
