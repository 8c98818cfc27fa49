"""A Gantt chart in characters: what is done, what is critical, what may slip."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

Kind = Literal["done", "critical", "planned"]
MARKS: dict[Kind, str] = {"done": "━", "critical": "█", "planned": "░"}
POINT: dict[Kind, str] = {"done": "•", "critical": "◆", "planned": "◇"}
"""For what is shorter than a column."""

LEGEND = "━ done   █ critical   ░ has slack   • ◆ ◇ shorter than a column"


@dataclass(frozen=True)
class Row:
    key: str
    who: str
    bar: str
    """As wide as the chart."""
    kind: Kind
    dates: str


@dataclass(frozen=True)
class Gantt:
    axis: str
    rows: tuple[Row, ...]


def gantt(schedule: dict[str, Any], statuses: dict[str, str], width: int) -> Gantt:
    """The schedule as the API gives it, in local time, `width` columns for its whole length."""
    tasks = sorted(schedule["tasks"], key=lambda task: (task["start"], task["end"]))
    if not tasks:
        return Gantt("", ())
    first = min(_instant(task["start"]) for task in tasks)
    last = max(_instant(task["end"]) for task in tasks)
    column = max((last - first) / width, timedelta(seconds=1))
    rows = [_row(task, statuses.get(task["key"], ""), first, column, width) for task in tasks]
    return Gantt(_axis(first, last, column, width), tuple(rows))


def _row(task: dict[str, Any], status: str, first: datetime, column: timedelta, width: int) -> Row:
    start, end = _instant(task["start"]), _instant(task["end"])
    kind: Kind = "done" if status == "done" else "critical" if task["critical"] else "planned"
    left = min(int((start - first) / column), width - 1)
    length = min(round((end - start) / column), width - left)
    bar = MARKS[kind] * length if length >= 1 else POINT[kind]
    return Row(
        key=task["key"],
        who=task["member"]["name"] if task["member"] else "",
        bar=(" " * left + bar).ljust(width),
        kind=kind,
        dates=_dates(start, end),
    )


def _axis(first: datetime, last: datetime, column: timedelta, width: int) -> str:
    """A mark at each midnight that has room for its date, else the first and the last hour."""
    if last - first < timedelta(days=2):
        start, end = f"{first:%a %H:%M}", f"{last:%a %H:%M}"
        return start + end.rjust(width - len(start))
    axis = [" "] * width
    free = 0
    day = (first + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    while day < last:
        at, label = int((day - first) / column), f"│{day:%a %d}"
        if at >= free and at + len(label) <= width:
            axis[at : at + len(label)] = label
            free = at + len(label) + 1
        day += timedelta(days=1)
    return "".join(axis)


def _dates(start: datetime, end: datetime) -> str:
    if end - start < timedelta(minutes=5):
        seconds = (end - start).total_seconds()
        return f"{start:%a %d %H:%M:%S}, " + (f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min")
    if start.date() == end.date():
        return f"{start:%a %d %H:%M}–{end:%H:%M}"
    return f"{start:%a %d %H:%M} – {end:%a %d %H:%M}"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone()
