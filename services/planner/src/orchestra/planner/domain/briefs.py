"""What an agent is asked to do, with all that the plan says about it."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from orchestra.contracts.machine_work import AgentBrief, AgentRequest, AgentTerms, RequirementText
from orchestra.planner.domain.check_agents import REQUIREMENT_BYTES
from orchestra.planner.domain.requirements import Requirement

MICROS = 1_000_000
"""Of a US dollar."""


def brief(agent: AgentRequest, criteria: Sequence[str], covered: Sequence[Requirement]) -> AgentBrief:
    """The plan is free of faults. `covered` are the requirements that the task covers."""
    return AgentBrief(
        **agent.model_dump(include=set(AgentTerms.model_fields)),
        verify=agent.verify or ("checks" if agent.checks else "model"),
        budget_micros=None if agent.budget_usd is None else _micros(agent.budget_usd),
        criteria=tuple(criteria),
        requirements=tuple(_texts(covered)),
    )


def _micros(usd: Decimal) -> int:
    return int(usd * MICROS)


def _texts(covered: Iterable[Requirement]) -> Iterator[RequirementText]:
    """With their details, in their order, until the bound is reached; the one that reaches it ends in an ellipsis."""
    left = REQUIREMENT_BYTES
    for requirement in covered:
        text = "\n".join((requirement.text, *requirement.details)).encode()
        if len(text) > left:
            text = text[: max(0, left - len("…".encode()))].decode(errors="ignore").encode() + "…".encode()
        yield RequirementText(id=requirement.id, text=text.decode())
        left -= len(text)
        if left <= 0:
            return
