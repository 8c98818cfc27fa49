"""What may become of an attempt."""

from typing import get_args

import pytest

from orchestra.executor.domain.attempt import ATTEMPT_MOVES, HELD, AttemptStatus, sources

ENDS = ("succeeded", "failed", "withdrawn")


def test_every_state_has_its_moves() -> None:
    assert set(ATTEMPT_MOVES) == set(get_args(AttemptStatus))


@pytest.mark.parametrize("end", ENDS)
def test_nothing_follows_an_end(end: AttemptStatus) -> None:
    assert not ATTEMPT_MOVES[end]


def test_only_who_holds_an_attempt_can_say_how_it_ended() -> None:
    assert sources("succeeded") == sources("failed") == HELD


def test_an_attempt_is_leased_once() -> None:
    assert sources("leased") == {"queued"}
    assert not sources("queued")


def test_what_was_begun_is_not_withdrawn_but_fails() -> None:
    assert sources("withdrawn") == {"queued"}


def test_a_start_is_told_once() -> None:
    assert sources("running") == {"leased"}
