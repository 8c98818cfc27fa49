"""Say what a policy thinks of a command, rule by rule, and what would hold for it while it runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from orchestra.executor.domain.hosts import matches
from orchestra.executor.domain.policy import Policy, check


@dataclass(frozen=True)
class Ruling:
    rule: str
    """The field of the policy, or the code of a refusal."""
    allowed: bool
    why: str


def explain(policy: Policy, argv: Sequence[str], tools: Sequence[str], hosts: Sequence[str]) -> list[Ruling]:
    """What is refused and what is allowed, each with its reason. The command may run when all of them allow it."""
    refused = [Ruling(refusal.code, False, refusal.detail) for refusal in check(policy, argv, tools, hosts)]
    return refused + list(_allowed(policy, tools, hosts))


def _allowed(policy: Policy, tools: Sequence[str], hosts: Sequence[str]) -> Iterator[Ruling]:
    for tool in dict.fromkeys(tools):
        if tool in policy.tools:
            yield Ruling("tools", True, f"{tool!r} is among the tools that the policy allows.")
    for host in dict.fromkeys(hosts):
        for rule in policy.hosts:
            if matches(rule, host):
                yield Ruling("network.hosts", True, f"{host!r} is allowed by {rule!r}.")
                break


def terms(policy: Policy) -> dict[str, str]:
    """What holds for every command, by the name of the field."""
    found = {
        "min_level": policy.min_level.name,
        "tools": _listed(sorted(policy.tools)),
        "paths.readable": _listed(policy.readable),
        "paths.protected": _listed(policy.protected),
        "network.hosts": _listed(policy.hosts),
        "network.networks": _listed(policy.networks),
    }
    return found | {f"limits.{each.name}": f"{getattr(policy.limits, each.name)}" for each in fields(policy.limits)}


def _listed(words: Sequence[str]) -> str:
    return " ".join(words) or "none"
