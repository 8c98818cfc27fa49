"""Instants and lengths of time, as they are typed and as they are shown."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestra.cli.exits import Exit, Stop
from orchestra.cli.journey import default_team
from orchestra.cli.moments import instant, minutes, times, wait


@pytest.mark.parametrize(("text", "length"), [("90", 90), ("90m", 90), ("2h", 120), ("1h30m", 90), ("0m", 0)])
def test_a_length_is_read(text: str, length: int) -> None:
    assert minutes(text) == length


@pytest.mark.parametrize("text", ["", "h", "-5m", "1d", "soon", "1h 5m"])
def test_what_is_no_length_is_refused(text: str) -> None:
    with pytest.raises(Stop) as refused:
        minutes(text)
    assert refused.value.code == Exit.USAGE


def test_an_instant_has_a_zone_or_that_of_this_machine() -> None:
    assert instant("2026-12-01T09:00+01:00") == "2026-12-01T08:00:00+00:00"
    here = datetime.fromisoformat("2026-12-01T09:00").astimezone()
    assert datetime.fromisoformat(instant("2026-12-01T09:00")) == here


def test_an_instant_may_be_counted_from_now() -> None:
    ahead = datetime.fromisoformat(instant("+1h30m")) - datetime.now(UTC)
    assert timedelta(minutes=89) < ahead <= timedelta(minutes=90)


def test_what_is_no_instant_is_refused() -> None:
    with pytest.raises(Stop) as refused:
        instant("soon")
    assert refused.value.code == Exit.USAGE


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ({"minutes": 45, "clock": "elapsed"}, "waits 45 min"),
        ({"minutes": 90, "clock": "working"}, "waits 1 h 30 min of working time"),
        ({"minutes": 120, "clock": "elapsed"}, "waits 2 h"),
        (None, ""),
    ],
)
def test_a_wait_is_shown_in_hours_and_minutes(told: dict[str, Any] | None, shown: str) -> None:
    assert wait({"wait": told}) == shown


def test_the_times_of_a_task_are_shown_where_it_has_any() -> None:
    assert times({"start_at": None, "deadline": None}) == ""
    assert times({"start_at": "2026-12-01T09:00:00Z", "deadline": "2026-12-02T09:00:00Z"}).count(" Dec 2026 ") == 2


def test_a_timer_asks_for_nobody_in_the_team_that_is_made_up() -> None:
    [you, machine] = default_team({"tasks": [{"id": "t", "role": "editor", "wait": {"minutes": 1}}]})["members"]
    assert you["roles"] == machine["roles"] == []
