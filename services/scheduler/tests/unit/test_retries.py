"""Which failures are tried again, how often, and after how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.contracts.execution import FailureClass
from orchestra.scheduler.domain.work.retries import CAP_S, LOST_LIMIT, back_off, tried_again


@pytest.mark.parametrize(
    ("retry", "fraction", "seconds"), [(0, 0.0, 5), (0, 1.0, 7), (1, 0.5, 11), (4, 0.0, 80), (5, 0.0, 120)]
)
def test_the_back_off_is_five_doubled_and_up_to_two_seconds_more(retry: int, fraction: float, seconds: float) -> None:
    assert back_off(retry, fraction) == seconds


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0.001, 1000))
def test_the_back_off_never_shrinks_and_never_exceeds_two_minutes(retry: int, fraction: float, base_s: float) -> None:
    assert 0 < back_off(retry, fraction, base_s) <= back_off(retry + 1, fraction, base_s) <= CAP_S


def test_a_demonstration_may_hurry() -> None:
    assert back_off(1, 1.0, base_s=0.05) == pytest.approx(0.12)


@pytest.mark.parametrize("failure", ["transient", "timeout"])
def test_a_passing_failure_is_tried_again_as_often_as_allowed(failure: FailureClass) -> None:
    tries = [tried_again(failure, failures=n, lost=9, retries=2, repeatable=True) for n in (1, 2, 3)]
    assert tries == [True, True, False]


@pytest.mark.parametrize("failure", ["permanent", "policy", "cancelled"])
def test_a_lasting_failure_is_not_tried_again(failure: FailureClass) -> None:
    assert not tried_again(failure, failures=1, lost=0, retries=9, repeatable=True)


def test_lost_attempts_do_not_use_up_retries_but_are_bounded() -> None:
    assert tried_again("lost", failures=5, lost=LOST_LIMIT, retries=0, repeatable=True)
    assert not tried_again("lost", failures=0, lost=LOST_LIMIT + 1, retries=9, repeatable=True)


@pytest.mark.parametrize("failure", ["lost", "timeout"])
def test_what_may_have_had_half_an_effect_is_tried_again_only_if_repeatable(failure: FailureClass) -> None:
    assert not tried_again(failure, failures=0, lost=1, retries=9, repeatable=False)


def test_a_transient_failure_ended_by_itself_and_may_be_tried_again_even_if_not_repeatable() -> None:
    assert tried_again("transient", failures=1, lost=0, retries=1, repeatable=False)
