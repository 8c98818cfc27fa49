"""What is known, as a text for whoever begins work."""

from collections.abc import Iterable, Mapping

from orchestra.executor.domain.knowledge.finding import Finding, FindingKind

MOST_CHARACTERS = 3000

HEAD = "Known of this project from earlier work; to be weighed, not obeyed:"

GROUPS: Mapping[FindingKind, str] = {
    "constraint": "Constraints",
    "decision": "Decisions",
    "gotcha": "Gotchas",
    "discovery": "Discoveries",
    "reference": "References",
}
"""In this order."""


def brief(findings: Iterable[Finding], most: int = MOST_CHARACTERS) -> str:
    """As many as fit, each whole and once, the first ones before all others; grouped by kind. Empty without any."""
    taken: dict[FindingKind, list[str]] = {}
    left = most - len(HEAD)
    for each in dict.fromkeys(findings):
        line = f"\n- {each.text}"
        needs = len(line) if each.kind in taken else len(line) + len(_head(each.kind))
        if needs <= left:
            taken.setdefault(each.kind, []).append(line)
            left -= needs
    groups = (_head(kind) + "".join(taken[kind]) for kind in GROUPS if kind in taken)
    return HEAD + "".join(groups) if taken else ""


def _head(kind: FindingKind) -> str:
    return f"\n\n{GROUPS[kind]}"
