"""Checkpoints: their questions, what time does to them, what an answer leaves behind."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestra.contracts.planning import Command, Input
from orchestra.scheduler.domain.checkpoint_errors import UnknownInput
from orchestra.scheduler.domain.work.checkpoint import (
    MOST_CARRIED,
    Checkpoint,
    after_hours,
    carried,
    edited,
    question,
    with_edits,
)
from orchestra.scheduler.domain.work.task import Task

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
A, B, C = "a" * 64, "b" * 64, "c" * 64


def task(**more: Any) -> Task:
    fields: dict[str, Any] = {
        "id": "tsk_1",
        "workspace_id": "wsp_1",
        "project_id": "prj_1",
        "plan_id": "pln_1",
        "run_id": "run_1",
        "key": "pay",
        "title": "Pay the printer",
        "status": "waiting",
        "pool": "agent||true",
        "role": None,
        "command": Command(argv=("true",)),
        "covers": (),
        "attempts": 2,
    }
    return Task(**{**fields, **more})


def checkpoint(**more: Any) -> Checkpoint:
    return Checkpoint(
        *("chk_1", "wsp_1", "prj_1", "run_1", "tsk_1", 1, "repeat", "?", ("retry", "skip", "fail")),
        raised_at=NOON,
        **{"escalates_at": after_hours(NOON, 24), "expires_at": after_hours(NOON, 168), **more},
    )


def test_a_question_names_the_task_what_happened_and_the_choices() -> None:
    lost = {"class": "lost", "reason": "Its executor went silent.", "attempt": 2}

    assert question(task(), "repeat", lost, "because") == (
        "Pay the printer (pay) may have had its effect, and may not repeat it unasked. Attempt 2 was lost. Its executor"
        " went silent. Run it again (retry), go on without it (skip), or end it (fail)?"
    )
    used_up = {"class": "transient", "reason": "exit status 1", "attempt": 2}
    assert question(task(), "exhausted", used_up, "because") == (
        "Pay the printer (pay) has failed and is not tried again by itself. Attempt 2 was the last one allowed. Exit"
        " status 1. Try it again (retry), go on without it (skip), or leave it failed (fail)?"
    )


def test_a_question_does_not_blame_the_failure_of_an_earlier_try() -> None:
    earlier = {"class": "transient", "reason": "exit status 1", "attempt": 1}

    assert "Attempt 2 has no end that is known. Press was fired." in question(
        task(), "repeat", earlier, "Press was fired"
    )


def test_a_question_stays_short_whatever_went_wrong() -> None:
    long = {"class": "permanent", "reason": "x" * 10**5, "attempt": 2}

    assert len(question(task(), "exhausted", long, "")) < 900


def test_it_is_asked_again_once_and_then_expires() -> None:
    asked = checkpoint()
    assert asked.due_at == NOON + timedelta(hours=24)

    again = replace(asked, escalated_at=asked.due_at)
    assert again.due_at == NOON + timedelta(hours=168)
    assert again.expired(NOON + timedelta(hours=168))
    assert not again.expired(NOON + timedelta(hours=167))


@pytest.mark.parametrize(
    ("escalates", "expires", "due"), [(0, 0, None), (0, 1, timedelta(hours=1)), (2, 0, timedelta(hours=2))]
)
def test_zero_hours_are_never(escalates: float, expires: float, due: timedelta | None) -> None:
    made = checkpoint(escalates_at=after_hours(NOON, escalates), expires_at=after_hours(NOON, expires))

    assert made.due_at == (due and NOON + due)


def test_all_guidance_is_carried_while_there_is_room_and_then_the_newest() -> None:
    assert carried(["first", "", "second"]) == ("first", "second")
    kept = carried(["old" * 1300, *(f"{n}" * 4000 for n in range(9)), "\x01" * 4000])

    assert kept[-1] == "\x01" * 4000
    assert kept == tuple([*(f"{n}" * 4000 for n in range(9)), "\x01" * 4000][-len(kept) :])
    assert sum(len(each) for each in kept) < MOST_CARRIED


def test_an_edit_is_in_the_place_of_the_content_that_it_was_made_for() -> None:
    inputs = [Input(path="in.txt", sha256=A), Input(path="other.txt", sha256=A)]
    edits = with_edits((), inputs, {"in.txt": B})
    assert edits == (("in.txt", A, B),)
    assert {i.path: i.sha256 for i in edited(inputs, edits)} == {"in.txt": B, "other.txt": A}

    again = with_edits(edits, inputs, {"in.txt": C})
    assert again == (("in.txt", A, C),)
    newer = [Input(path="in.txt", sha256=C)]
    assert edited(newer, edits) == tuple(newer)


def test_what_is_no_input_cannot_be_edited() -> None:
    with pytest.raises(UnknownInput, match=r"out\.txt, its inputs are in\.txt"):
        with_edits((), [Input(path="in.txt", sha256=A)], {"out.txt": B})
    with pytest.raises(UnknownInput, match="it has no inputs"):
        with_edits((), [], {"out.txt": B})
