"""Take attempts of agents under lease, each with the agent that does it."""

from dataclasses import replace

from orchestra.contracts.execution import Evidence
from orchestra.executor.application.agents.endings import away
from orchestra.executor.application.agents.registry_ports import Registry
from orchestra.executor.application.attempts import ExecutingWork, Lease
from orchestra.executor.application.claim_attempts import Claim, claim_attempts
from orchestra.executor.application.record_attempts import record_attempts
from orchestra.executor.domain.agents.choosing import Assigned, Away, Choice, Unknown
from orchestra.executor.domain.attempt import EndedAttempt, Ending, Failed, HeldAttempt, Suspended
from orchestra.executor.domain.policy import Policy

NOT_BEGUN = Evidence(sandbox_level="none", duration_ms=0)
NOT_HERE = "An agent outside takes up no work yet."


async def claim_agents(
    work: ExecutingWork, registry: Registry, policy: Policy, lease: Lease, slots: int
) -> Claim[HeldAttempt]:
    """Those that no agent can do now wait, and those that none ever will are refused, in this transaction."""
    claim = await claim_attempts(work, policy, lease, slots, "agent")
    choices = await registry.assign(claim.to_perform)
    given: list[HeldAttempt] = []
    ended: list[EndedAttempt] = []
    for attempt in claim.to_perform:
        choice = choices[attempt.id]
        if (ending := _kept_from(work, choice)) is not None:
            ended.append(EndedAttempt(attempt, ending))
        elif isinstance(choice, Assigned):
            given.append(replace(attempt, agent=choice.agent))
    await record_attempts(work, [], ended)
    return Claim(given, more=claim.more or bool(ended))


def _kept_from(work: ExecutingWork, choice: Choice) -> Ending | None:
    match choice:
        case Assigned():
            return Failed("policy", NOT_HERE) if choice.agent.outside else None
        case Away():
            return Suspended(away(choice.name, choice.reason, choice.retry_after, work.now), NOT_BEGUN)
        case Unknown():
            return Failed("policy", choice.reason)
