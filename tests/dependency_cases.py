"""What each kind of dependency asks, case by case: the source of the tests and of docs/reference/dependencies.md."""

from datetime import UTC, datetime
from typing import NamedTuple

from orchestra.contracts.planning import DependencyKind, LagClock
from orchestra.contracts.scheduling import TaskStatus

STARTED = datetime(2026, 11, 20, 15, tzinfo=UTC)  # Friday
ENDED = datetime(2026, 11, 20, 16, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)  # Monday; the project works Monday to Friday from 9 to 17


class Case(NamedTuple):
    """`b` comes after `a`."""

    kind: DependencyKind
    hours: int
    """The lag."""
    clock: LagClock
    a: TaskStatus
    starts: bool
    """Whether b may start."""
    ends: bool
    """Whether b may end, once its work is done."""


def _plain(kind: DependencyKind, a: TaskStatus, starts: bool, ends: bool) -> Case:
    return Case(kind, 0, "working", a, starts, ends)


CASES: tuple[Case, ...] = (
    _plain("FS", "ready", False, True),
    _plain("FS", "running", False, True),
    _plain("FS", "in_review", False, True),
    _plain("FS", "done", True, True),
    _plain("FS", "failed", False, True),
    _plain("FS", "cancelled", False, True),
    _plain("FS", "skipped", True, True),
    _plain("SS", "ready", False, True),
    _plain("SS", "queued", False, True),
    _plain("SS", "running", True, True),
    _plain("SS", "in_review", True, True),
    _plain("SS", "done", True, True),
    _plain("SS", "failed", False, True),
    _plain("SS", "skipped", True, True),
    _plain("FF", "ready", True, False),
    _plain("FF", "running", True, False),
    _plain("FF", "in_review", True, False),
    _plain("FF", "done", True, True),
    _plain("FF", "failed", True, False),
    _plain("FF", "skipped", True, True),
    _plain("SF", "ready", True, False),
    _plain("SF", "assigned", True, False),
    _plain("SF", "running", True, True),
    _plain("SF", "done", True, True),
    _plain("SF", "cancelled", True, False),
    _plain("SF", "skipped", True, True),
    Case("FS", 2, "working", "done", True, True),
    Case("FS", 3, "working", "done", False, True),
    Case("FS", 48, "elapsed", "done", True, True),
    Case("FS", 72, "elapsed", "done", False, True),
    Case("FS", 72, "elapsed", "skipped", True, True),
    Case("SS", 3, "working", "running", True, True),
    Case("SS", 4, "working", "running", False, True),
    Case("SS", 48, "elapsed", "failed", False, True),
    Case("FF", 2, "working", "done", True, True),
    Case("FF", 3, "working", "done", True, False),
    Case("SF", 67, "elapsed", "running", True, True),
    Case("SF", 68, "elapsed", "running", True, False),
)


def table() -> str:
    """The cases as the page shows them."""
    rows = ["| b after a | a is | b may start | b may end |", "|---|---|---|---|"]
    for case in CASES:
        lag = f" + {case.hours} h {case.clock}" if case.hours else ""
        told = [f"{case.kind}{lag}", case.a, *("yes" if each else "no" for each in (case.starts, case.ends))]
        rows.append(f"| {' | '.join(told)} |")
    return "\n".join(rows) + "\n"
