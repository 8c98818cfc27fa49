"""Say beforehand which commands would be refused."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestra.executor.domain.policy import Level, Policy, Refusal, check, check_names, without_network


@dataclass(frozen=True)
class Wanted:
    argv: Sequence[str]
    tools: Sequence[str]
    hosts: Sequence[str] = ()
    agent: bool = False
    """An agent does it: it has no `argv`, and `tools` are the programs that it may run."""


@dataclass(frozen=True)
class CommandRefusal:
    index: int
    """Of the command among those asked about."""
    code: str
    detail: str


def check_commands(policy: Policy, level: Level, commands: Iterable[Wanted]) -> list[CommandRefusal]:
    """Every reason for every command; empty when all of them may run here."""
    return [
        CommandRefusal(index, refusal.code, refusal.detail)
        for index, command in enumerate(commands)
        for refusal in [
            *_too_weak(policy, level),
            *_refusals(policy, command),
            *without_network(level, command.hosts),
        ]
    ]


def _refusals(policy: Policy, command: Wanted) -> list[Refusal]:
    if command.agent:
        return check_names(policy, command.tools, command.hosts)
    return check(policy, command.argv, command.tools, command.hosts)


def _too_weak(policy: Policy, level: Level) -> list[Refusal]:
    if level >= policy.min_level:
        return []
    detail = f"Commands are confined at level {level.name} here; the policy asks for {policy.min_level.name}."
    return [Refusal("sandbox-too-weak", detail)]
