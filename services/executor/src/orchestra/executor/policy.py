"""The executor's policy for those who ask without an executor: where it comes from, and what it thinks of a command."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestra.executor.adapters.policy_file import BadPolicy, read_policy
from orchestra.executor.application.explain_policy import Ruling, explain, terms
from orchestra.executor.domain.policy import Level, Policy

__all__ = ["BadPolicy", "Judgement", "Ruling", "in_force", "judge"]


@dataclass(frozen=True)
class Judgement:
    terms: dict[str, str]
    """What holds for every command, by the name of the field."""
    rulings: list[Ruling]
    """On the command that was asked about."""

    @property
    def allowed(self) -> bool:
        return all(ruling.allowed for ruling in self.rulings)


def in_force(path: Path | None, tools: frozenset[str] = frozenset(), min_level: str = "L1") -> Policy:
    """The file's policy, else the usual one; with more tools, and the stricter of both levels. Raises BadPolicy."""
    policy = Policy() if path is None else read_policy(path)
    level = max(policy.min_level, Level[min_level])
    return replace(policy, tools=policy.tools | tools, min_level=level)


def judge(policy: Policy, argv: Sequence[str], tools: Sequence[str], hosts: Sequence[str]) -> Judgement:
    """Without `argv` only the terms."""
    return Judgement(terms(policy), explain(policy, argv, tools, hosts) if argv else [])
