"""The chart shows each task where its dates are, and never leaves its width."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestra.cli.gantt import gantt

MONDAY = datetime.fromisoformat("2026-11-23T09:00:00+00:00")


def task(key: str, start_h: float, hours: float, *, critical: bool = False) -> dict[str, Any]:
    start = MONDAY + timedelta(hours=start_h)
    end = start + timedelta(hours=hours)
    dates = {"start": start.isoformat(), "end": end.isoformat()}
    return {"key": key, "title": key, "member": {"name": "Ana"}, "critical": critical, **dates}


def test_bars_follow_each_other_in_the_order_of_their_starts() -> None:
    chart = gantt({"tasks": [task("b", 24, 24, critical=True), task("a", 0, 24)]}, {"a": "done"}, 20)
    assert [row.key for row in chart.rows] == ["a", "b"]
    assert [row.bar for row in chart.rows] == ["━" * 10 + " " * 10, " " * 10 + "█" * 10]


def test_what_is_shorter_than_a_column_is_still_seen() -> None:
    chart = gantt({"tasks": [task("quick", 0, 0.001), task("long", 0, 200)]}, {"quick": "done"}, 20)
    assert {row.key: row.bar.strip()[0] for row in chart.rows} == {"quick": "•", "long": "░"}


def test_an_empty_schedule_is_an_empty_chart() -> None:
    assert gantt({"tasks": []}, {}, 20).rows == ()


@given(
    st.lists(st.tuples(st.floats(0, 500), st.floats(0, 500)), min_size=1, max_size=30),
    st.integers(20, 120),
)
def test_every_row_is_as_wide_as_the_chart_and_has_a_mark(spans: list[tuple[float, float]], width: int) -> None:
    tasks = [task(f"t{n}", start, hours) for n, (start, hours) in enumerate(spans)]
    chart = gantt({"tasks": tasks}, {}, width)
    assert len(chart.rows) == len(spans)
    assert len(chart.axis) <= max(width, 40)
    for row in chart.rows:
        assert len(row.bar) == width
        assert row.bar.strip()
