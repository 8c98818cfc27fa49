"""Instants and lengths of time as people read and write them, in local time."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestra.cli.exits import Exit, Stop

_LENGTH = re.compile(r"(?:(?P<hours>\d{1,6})h)?(?:(?P<minutes>\d{1,6})m?)?")


def moment(text: str | None) -> str:
    return datetime.fromisoformat(text).astimezone().strftime("%a %d %b %Y %H:%M") if text else ""


def instant(text: str) -> str:
    """An instant in UTC, from `2026-12-01T09:00`, with or without a zone, or `+1h30m` from now. Raises Stop."""
    if text.startswith("+"):
        at = datetime.now(UTC) + timedelta(minutes=minutes(text[1:]))
    else:
        try:
            at = datetime.fromisoformat(text)
        except ValueError as error:
            raise Stop(Exit.USAGE, f"{text} is no instant: write 2026-12-01T09:00, or +1h30m from now") from error
    # What has no zone is meant where it was typed.
    return at.astimezone(UTC).isoformat(timespec="seconds")


def minutes(text: str) -> int:
    """`90`, `90m`, `2h`, `1h30m`. Raises Stop."""
    found = _LENGTH.fullmatch(text)
    if found is None or not any(found.groups()):
        raise Stop(Exit.USAGE, f"{text} is no length of time: write 90m, 2h or 1h30m")
    return int(found["hours"] or 0) * 60 + int(found["minutes"] or 0)


def times(task: dict[str, Any]) -> str:
    """`not before Tue 01 Dec 2026 09:00, by Wed 02 Dec 2026 18:00`: of a task or a run."""
    start_at, deadline = (moment(task[name]) if task.get(name) else "" for name in ("start_at", "deadline"))
    said = (f"not before {start_at}" if start_at else "", f"by {deadline}" if deadline else "")
    return ", ".join(each for each in said if each)


def wait(task: dict[str, Any]) -> str:
    """`waits 1 h 30 min`, `waits 2 h of working time`; empty for what is no timer."""
    told: dict[str, Any] | None = task.get("wait")
    if told is None:
        return ""
    hours, rest = divmod(told["minutes"], 60)
    length = " ".join(part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest else "") if part)
    return f"waits {length}" + (" of working time" if told["clock"] == "working" else "")
