"""Amounts of money as people type and read them."""

import pytest

from orchestra.cli.budgets import _amount, _limit, shown
from orchestra.cli.exits import Stop


@pytest.mark.parametrize(
    ("unit", "text", "amount"),
    [("micros", "2.50", 2_500_000), ("micros", "0.0000001", 1), ("micros", "0", 0), ("tokens", "1000", 1000)],
)
def test_dollars_are_read_as_micro_dollars_rounded_up(unit: str, text: str, amount: int) -> None:
    assert _amount(unit, text) == amount


@pytest.mark.parametrize(("unit", "text"), [("micros", "nan"), ("micros", "-1"), ("tokens", "1.5"), ("micros", "a")])
def test_what_is_no_amount_is_refused(unit: str, text: str) -> None:
    with pytest.raises(Stop):
        _amount(unit, text)


def test_none_is_no_limit() -> None:
    assert _limit("micros", "none") is None


@pytest.mark.parametrize(
    ("unit", "amount", "text"),
    [
        ("micros", 1_250_000, "1.25 USD"),
        ("micros", 300, "0.0003 USD"),
        ("micros", 0, "0.00 USD"),
        ("tokens", 12_000, "12,000 tokens"),
        ("tokens", None, "no limit"),
    ],
)
def test_an_amount_is_shown_in_full(unit: str, amount: int | None, text: str) -> None:
    assert shown(unit, amount) == text
