"""What a notice says to a person: a subject, a sentence, and the facts below it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestra.notifier.domain.delivery import Delivery

LONGEST_SUBJECT = 150


@dataclass(frozen=True)
class Wording:
    subject: str
    """One line of printable characters: nothing in it can end a header."""
    sentence: str
    facts: tuple[tuple[str, str], ...]
    """Label and value, in order; what is empty is left out."""
    run_id: str | None


def wording(delivery: Delivery) -> Wording:
    notice: dict[str, Any] = json.loads(delivery.body)
    told: dict[str, Any] = notice["data"]
    subject, sentence = _WORDS[delivery.kind](told)
    facts = (
        ("Cause", told.get("cause")),
        ("Answer with", _command(told)),
        ("Open until", told.get("expires_at")),
        ("Said", told.get("text")),
        ("Guidance", told.get("guidance")),
        ("Assignee", told.get("assignee")),
        ("Attempt", told.get("attempt")),
        ("Raise it with", _raise_command(delivery.kind, told)),
        ("Tasks", _totals(told.get("totals", {}))),
        ("Project", told.get("project_id")),
        ("Run", told.get("run_id")),
        ("Task", told.get("task_id")),
        ("At", notice["timestamp"]),
    )
    shown = tuple((label, str(value)) for label, value in facts if value)
    return Wording(one_line(subject), sentence, shown, told.get("run_id"))


def one_line(text: str) -> str:
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1] + "…"


def _totals(totals: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {status}" for status, count in sorted(totals.items()))


def _run(told: Mapping[str, Any]) -> tuple[str, str]:
    words = {"finished": "finished", "failed": "failed", "cancelled": "was cancelled"}
    ended = words.get(told["status"], told["status"])
    return f"Run {told['run_id']} {ended}", f"The run {told['run_id']} {ended}."


def _failed(told: Mapping[str, Any]) -> tuple[str, str]:
    task = f"{told['key']} ({told['title']})"
    return (
        f"Task failed: {told['key']} {told['title']}",
        f"The task {task} failed, and nothing more happens to it by itself.",
    )


def _waiting(told: Mapping[str, Any]) -> tuple[str, str]:
    task = f"{told['key']} ({told['title']})"
    if told["status"] == "assigned":
        return f"Task assigned: {told['key']} {told['title']}", f"The task {task} waits for its assignee."
    return f"Decision needed: {told['key']} {told['title']}", f"The task {task} waits for a decision."


def _checkpoint(told: Mapping[str, Any]) -> tuple[str, str]:
    return f"Decision needed: {told['key']} {told['title']}", told["question"]


def _escalated(told: Mapping[str, Any]) -> tuple[str, str]:
    return f"Still to be decided: {told['key']} {told['title']}", f"Nobody has answered yet. {told['question']}"


def _resolved(told: Mapping[str, Any]) -> tuple[str, str]:
    became = f"answered with {told['answer']} by {told['by']}" if told["answer"] else told["status"]
    task = f"{told['key']} ({told['title']})"
    return (
        f"Checkpoint {became}: {told['key']} {told['title']}",
        f"Nobody has to decide about the task {task} any more: {became}.",
    )


def _command(told: Mapping[str, Any]) -> str:
    if "choices" not in told:
        return ""
    choices = ("answer TEXT" if choice == "answer" else choice for choice in told["choices"])
    return f"orchestra checkpoint answer {told['checkpoint_id']} {'|'.join(choices)}"


def _warned(told: Mapping[str, Any]) -> tuple[str, str]:
    whose = _budget(told)
    return (
        f"Budget nearly used: {whose}",
        f"{_share(told)} % of the limit of {whose} are used: {_amount(told, 'settled')} settled and "
        f"{_amount(told, 'held')} held of {_amount(told, 'limit')}.",
    )


def _exhausted(told: Mapping[str, Any]) -> tuple[str, str]:
    whose = _budget(told)
    return (
        f"Budget exhausted: {whose}",
        f"A call was refused. It asked for {_amount(told, 'asked')}; of {_amount(told, 'limit')} of {whose}, "
        f"{_amount(told, 'settled')} are settled and {_amount(told, 'held')} held.",
    )


def _raised(told: Mapping[str, Any]) -> tuple[str, str]:
    whose = _budget(told)
    now = "There is no limit any more" if told["limit"] is None else f"The limit is {_amount(told, 'limit')} now"
    return f"Budget raised: {whose}", f"{now}; it was {_amount(told, 'before')}. By {told['by'] or 'the system'}."


def _budget(told: Mapping[str, Any]) -> str:
    """`the workspace's day 2026-11-29`, `project prj_1`."""
    if told["period"]:
        return f"the workspace's {told['scope']} {told['period']}"
    return f"{told['scope']} {told['name']}"


def _share(told: Mapping[str, Any]) -> int:
    return int(100 * (told["settled"] + told["held"]) // max(1, told["limit"]))


def _amount(told: Mapping[str, Any], name: str) -> str:
    number = int(told[name])
    return f"{number / 1_000_000:.2f} USD" if told["unit"] == "micros" else f"{number:,} {told['unit']}"


def _raise_command(kind: str, told: Mapping[str, Any]) -> str:
    if kind not in ("budget.warned", "budget.exhausted"):
        return ""
    name = "" if told["period"] else f" {told['name']}"
    more = "--usd 5" if told["unit"] == "micros" else f"--{told['unit']} {told['limit']}"
    return f"orchestra budget top-up {told['scope']}{name} {more}"


def _test(_told: Mapping[str, Any]) -> tuple[str, str]:
    return "A test", "This is a test: what you subscribed to would arrive here."


_WORDS = {
    "run.finished": _run,
    "task.failed": _failed,
    "task.waiting": _waiting,
    "checkpoint.raised": _checkpoint,
    "checkpoint.escalated": _escalated,
    "checkpoint.resolved": _resolved,
    "budget.warned": _warned,
    "budget.exhausted": _exhausted,
    "budget.raised": _raised,
    "test": _test,
}
