"""What the attempts of a task for an agent leave for the next one: what one waits for, its files, answers, feedback."""

from collections.abc import Sequence
from datetime import datetime

from orchestra.contracts.event import Fact
from orchestra.contracts.execution import Artifact, Evidence
from orchestra.contracts.machine_work import AgentAnswer
from orchestra.contracts.suspensions import Suspension

MOST_FEEDBACK = 3
FEEDBACK_CHARACTERS = 1_000
"""Of what one verification has found."""
MOST_ANSWERED = 16_000
"""Bytes of answers, as JSON, that an attempt is given: an event holds them. The newest go first."""


class Suspended(Fact):
    """An attempt that has ended for now. It stands until the next one is dispatched, or somebody has answered."""

    attempt: int
    """Its number."""
    waits_for: Suspension
    started_at: datetime
    evidence: Evidence | None = None


class Dialogue(Fact):
    suspended: Suspended | None = None
    kept: tuple[Artifact, ...] = ()
    """What the last attempt had that was suspended, or found wanting."""
    answers: tuple[AgentAnswer, ...] = ()
    feedback: tuple[str, ...] = ()
    """What attempts were found to lack, the oldest first."""


def suspended(before: Dialogue | None, attempt: Suspended, outputs: Sequence[Artifact]) -> Dialogue:
    return _of(before).model_copy(update={"suspended": attempt, "kept": tuple(outputs)})


def resumed(before: Dialogue | None, answer: AgentAnswer | None = None) -> Dialogue:
    """Nothing is waited for any more; the next attempt hears the answer."""
    dialogue = _of(before)
    answers = (*dialogue.answers, answer) if answer else dialogue.answers
    return dialogue.model_copy(update={"suspended": None, "answers": _newest(answers, MOST_ANSWERED)})


def lacking(before: Dialogue | None, findings: str, outputs: Sequence[Artifact] | None = None) -> Dialogue:
    """The next attempt hears what the last ones were found to lack, and finds what this one had (None: as before)."""
    dialogue = _of(before)
    text = findings if len(findings) <= FEEDBACK_CHARACTERS else findings[: FEEDBACK_CHARACTERS - 1] + "…"
    update: dict[str, object] = {"feedback": (*dialogue.feedback, text)[-MOST_FEEDBACK:]}
    return dialogue.model_copy(update=update | ({} if outputs is None else {"kept": tuple(outputs)}))


def _of(dialogue: Dialogue | None) -> Dialogue:
    return dialogue or Dialogue()


def _newest(items: Sequence[AgentAnswer], most: int) -> tuple[AgentAnswer, ...]:
    """As many as fit, in their order."""
    kept: list[AgentAnswer] = []
    weight = 0
    for each in reversed(items):
        weight += len(each.model_dump_json().encode()) + 1
        if weight > most:
            break
        kept.insert(0, each)
    return tuple(kept)
