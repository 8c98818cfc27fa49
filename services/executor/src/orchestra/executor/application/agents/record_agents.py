"""Record what became of attempts of agents, and what that says about these."""

from collections.abc import Sequence

from orchestra.executor.application.agents.registry_ports import Learned, Registry
from orchestra.executor.application.attempts import ExecutingWork
from orchestra.executor.application.record_attempts import record_attempts
from orchestra.executor.domain.agents.outcomes import outcome_of
from orchestra.executor.domain.attempt import EndedAttempt, HeldAttempt


async def record_agents(
    work: ExecutingWork, registry: Registry, started: Sequence[HeldAttempt], ended: Sequence[EndedAttempt]
) -> None:
    accepted = await record_attempts(work, started, ended)
    if learned := [found for each in accepted if (found := _learned(each)) is not None]:
        await registry.learn(*learned)


def _learned(ended: EndedAttempt) -> Learned | None:
    attempt, brief, outcome = ended.attempt, ended.attempt.dispatch.command.agent, outcome_of(ended.ending)
    if attempt.agent is None or brief is None or outcome is None:
        return None
    proof = ended.ending.evidence
    cost, duration = (proof.cost_micros, proof.duration_ms) if proof else (0, 0)
    return Learned(attempt.workspace_id, attempt.agent.name, brief.kind, outcome, cost, duration)
