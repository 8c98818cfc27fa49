"""What an amount is, what a budget says, and which scopes a call counts in."""

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.executor.domain.money.amounts import MOST, Amounts, amount, ceiling, micros
from orchestra.executor.domain.money.budget import Budget, Limits, grown
from orchestra.executor.domain.money.errors import BadAmount, NoLimit, UnknownPrice, UnknownScope
from orchestra.executor.domain.money.hold import Entry, Hold, Usage, settled, unknown
from orchestra.executor.domain.money.scopes import Scope, Spending, next_period, scope_named, scopes_of

AT = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
BAD: list[Any] = [math.nan, math.inf, -1, 1.0, 0.5, True, "5", None, MOST + 1, Decimal(1), 10**400]


@pytest.mark.parametrize("value", BAD, ids=repr)
def test_what_is_no_amount_is_refused_wherever_it_comes_in(value: Any) -> None:
    for check in (
        lambda: amount(value),
        lambda: Amounts(micros=value).checked(),
        lambda: Amounts(tokens=value).checked(),
        lambda: Entry(value, "v").amounts,
        lambda: Entry(0, "v", Usage(input=value)).amounts,
        lambda: Limits(micros=value).checked() if value is not None else amount(value),
        lambda: ceiling(None, value) if value is not None else amount(value),
    ):
        with pytest.raises(BadAmount):
            check()


@pytest.mark.parametrize("price", ["nan", "-0.01", "inf", "1e40", "abc", "", math.nan, -1.0, 10**10])
def test_what_is_no_price_is_refused(price: Any) -> None:
    with pytest.raises(BadAmount):
        micros(price)


@given(st.decimals(0, 10**9, allow_nan=False, allow_infinity=False, places=9))
def test_a_price_is_never_below_what_it_costs_and_less_than_a_micro_above(usd: Decimal) -> None:
    assert 0 <= micros(usd) - usd * 10**6 < 1


def test_a_price_is_meant_as_it_is_written() -> None:
    assert [micros(usd) for usd in (0.1, "0.1", 5, "0.0000001")] == [100_000, 100_000, 5_000_000, 1]


def test_an_unknown_price_takes_a_declared_ceiling_and_is_never_nothing() -> None:
    assert (ceiling(7, 100), ceiling(None, 100), ceiling(0, 100)) == (7, 100, 0)
    with pytest.raises(UnknownPrice):
        ceiling(None, None)


def test_a_call_counts_in_five_scopes_by_utc() -> None:
    spending = Spending("w", "p", "att", 1, "r", "t")
    east = AT.astimezone(timezone(timedelta(hours=9)))

    assert [scope.key for scope in scopes_of(spending, east)] == [
        "w/day/all/2026-11-30",
        "w/month/all/2026-11",
        "w/project/p",
        "w/run/r",
        "w/task/t",
    ]
    assert [scope.kind for scope in scopes_of(Spending("w", "p", "call", 1), AT)] == ["day", "month", "project"]


@pytest.mark.parametrize(("kind", "name"), [("planet", "x"), ("day", "x"), ("project", "all"), ("run", "")])
def test_what_is_no_scope_is_refused(kind: str, name: str) -> None:
    with pytest.raises(UnknownScope):
        scope_named("w", kind, name, AT)


@pytest.mark.parametrize(
    ("kind", "at", "begins"),
    [
        ("day", "2026-02-28T23:59:59+00:00", "2026-03-01T00:00:00+00:00"),
        ("day", "2026-12-31T22:30:00-02:00", "2027-01-02T00:00:00+00:00"),
        ("month", "2026-01-31T12:00:00+00:00", "2026-02-01T00:00:00+00:00"),
        ("month", "2028-02-01T00:00:00+00:00", "2028-03-01T00:00:00+00:00"),
        ("month", "2026-12-31T23:00:00+00:00", "2027-01-01T00:00:00+00:00"),
        ("run", "2026-12-31T23:00:00+00:00", None),
    ],
)
def test_when_the_next_period_begins(kind: str, at: str, begins: str | None) -> None:
    assert next_period(kind, datetime.fromisoformat(at)) == (begins and datetime.fromisoformat(begins))


def budget(limit: int | None, settled: int = 0, held: int = 0, **more: Any) -> Budget:
    return Budget(Scope("w", "project", "p"), Limits(limit), Amounts(settled), Amounts(held), **more)


def test_a_budget_says_what_fits() -> None:
    assert budget(10, 4, 5).refused(Amounts(1)) is None
    assert budget(10, 4, 5).refused(Amounts(2)) == "micros"
    assert budget(None, 10**14).refused(Amounts(MOST)) is None
    assert budget(10, 4, 5).refused(Amounts(tokens=MOST)) is None


def test_what_asks_nothing_of_a_unit_fits_in_it_even_where_a_limit_was_set_below_what_is_used() -> None:
    assert budget(5, 9).refused(Amounts(0, tokens=3)) is None
    assert budget(5, 9).left("micros") == 0


def test_the_warning_is_due_at_four_fifths_settled_and_held_together() -> None:
    assert budget(10, 4, 3).to_warn() == []
    assert budget(10, 4, 4).to_warn() == ["micros"]
    assert budget(10, 4, 4, warned=frozenset({"micros"})).to_warn() == []
    assert budget(0).to_warn() == []


def test_only_what_is_limited_can_be_topped_up() -> None:
    assert budget(10).raised_by(Amounts(5)) == Limits(15)
    with pytest.raises(NoLimit):
        budget(10).raised_by(Amounts(5, tokens=1))
    with pytest.raises(BadAmount):
        budget(MOST).raised_by(Amounts(1))


def test_no_limit_is_more_than_any() -> None:
    assert grown(Limits(10, 5, None, 3), Limits(None, 6, 9, 3)) == ["micros", "tokens"]


def test_what_nobody_knows_counts_with_all_that_was_held_and_its_tokens_are_not_made_up() -> None:
    hold = Hold("hld", Spending("w", "p", "att", 1, model="large"), Amounts(50, 900, 1, 2), AT, AT)
    row = unknown(hold)

    assert (row.amounts, row.entry.status, row.entry.usage.tokens) == (hold.amounts, "unknown", 0)
    assert (row.entry.model, row.exceeds_its_hold) == ("large", False)


def test_more_than_was_held_counts_in_full_and_says_so() -> None:
    hold = Hold("hld", Spending("w", "p", "att", 1, model="large"), Amounts(50, 10, 1), AT, AT)
    row = settled(hold, Entry(40, "v", Usage(input=20), model="small"))

    assert row.amounts == Amounts(40, 20, 1)
    assert row.exceeds_its_hold
    assert row.entry.model == "small"
