"""What is asked of a person where an agent's attempt waits for one: the question, and which answers fit it."""

from collections.abc import Mapping

from orchestra.contracts.checkpoints import CheckpointAnswer, CheckpointKind
from orchestra.contracts.suspensions import ApprovalNeeded, Asked, BudgetMet, QuestionAsked, VerificationNeeded
from orchestra.scheduler.domain.work.checkpoint import sentence

CHOICES: Mapping[CheckpointKind, tuple[CheckpointAnswer, ...]] = {
    "repeat": ("retry", "skip", "fail"),
    "exhausted": ("retry", "skip", "fail"),
    "question": ("answer", "skip", "fail"),
    "approval": ("approve", "reject", "fail"),
    "budget": ("retry", "skip", "fail"),
    "verification": ("accept", "retry", "skip", "fail"),
}

_SCOPES: Mapping[str, str] = {
    "day": "the workspace's budget of the day",
    "month": "the workspace's budget of the month",
    "project": "the project's budget",
    "run": "the run's budget",
    "task": "its budget",
}
_MICROS = 1_000_000


def asked(title: str, key: str, what: Asked) -> str:
    """In sentences for one who knows nothing of the run."""
    return f"{title} ({key}) {_asked(what)}"


def _asked(what: Asked) -> str:
    match what:
        case QuestionAsked():
            among = f" One of: {' / '.join(what.choices)}." if what.choices else ""
            then = "Answer it (answer), go on without the task (skip), or end it (fail)?"
            return f"asks: {sentence(what.text)}{among} {then}"
        case ApprovalNeeded():
            then = "Allow this one call (approve), have it go on without (reject), or end it (fail)?"
            return f"may use {what.tool} only if a person allows it. {sentence(what.summary)} {then}"
        case BudgetMet():
            spent = f"{_amount(what.settled, what.unit)} of {_amount(what.limit, what.unit)} are spent"
            held = f", {_amount(what.held, what.unit)} are held" if what.held else ""
            more = f"{_amount(what.asked, what.unit)} more are needed"
            then = "Try again once there is more (retry), go on without it (skip), or end it (fail)?"
            if what.renews_at is not None:
                then = f"By itself it goes on with the next, from {what.renews_at:%Y-%m-%d} UTC. {then}"
            return f"has met {_SCOPES[what.scope]}: {spent}{held}, {more}. {then}"
        case VerificationNeeded():
            found = " ".join(map(sentence, what.findings)) or "Nothing was found that says so either way."
            then = "Take it as done (accept), try it again (retry), go on without it (skip), or end it (fail)?"
            return f"is finished as its agent has it, and nobody could say whether it is done. {found} {then}"


def _amount(number: int, unit: str) -> str:
    return f"{number / _MICROS:,.6g} USD" if unit == "micros" else f"{number:,} {unit}"
