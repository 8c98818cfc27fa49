"""Rows into domain values and back."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from pydantic import BaseModel
from sqlalchemy import ColumnElement, RowMapping, Text, cast

from orchestra.contracts.planning import Command, DecomposedTask, Wait
from orchestra.scheduler.adapters.tables import TASK
from orchestra.scheduler.application.ports import Dispatch
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.domain.timeline.calendar import Calendar, Hours
from orchestra.scheduler.domain.timeline.grain import Grain
from orchestra.scheduler.domain.work.dialogue import Dialogue
from orchestra.scheduler.domain.work.run import Run
from orchestra.scheduler.domain.work.task import Task

TASK_FIELDS = tuple(Task.__dataclass_fields__)
TASK_COLUMNS: list[ColumnElement[Any]] = [
    cast(TASK.c[name], Text).label(name) if name == "command" else TASK.c[name] for name in TASK_FIELDS
]
"""For `task_from`: the command as text, because the same one is read again and again."""
DISPATCH_COLUMNS = ("attempt_id", "task_id", "run_id", "member_id", "number", "token", "status")
RUN_FIELDS = tuple(Run.__dataclass_fields__)

DEFAULT_GRAIN = Grain(60, Calendar())
"""For a project that was never given a team."""


_COMMAND, _COVERS, _DECLINED, _GUIDANCE, _EDITS, _WAIT, _DIALOGUE = (
    TASK_FIELDS.index(name) for name in ("command", "covers", "declined", "guidance", "edits", "wait", "dialogue")
)


def task_of(row: RowMapping) -> Task:
    """From a row that has TASK_COLUMNS among others."""
    return task_from([row[name] for name in TASK_FIELDS])


@lru_cache(4096)
def _command(text: str) -> Command:
    return Command.model_validate_json(text)


def task_from(row: Sequence[Any]) -> Task:
    """From a row that begins with TASK_FIELDS."""
    values = list(row[: len(TASK_FIELDS)])
    command = values[_COMMAND]
    if command is not None:
        values[_COMMAND] = _command(command) if isinstance(command, str) else Command.model_validate(command)
    values[_COVERS] = tuple(values[_COVERS])
    values[_DECLINED] = tuple(values[_DECLINED] or ())
    values[_GUIDANCE] = tuple(values[_GUIDANCE] or ())
    values[_EDITS] = tuple((path, before, after) for path, before, after in values[_EDITS] or ())
    if values[_WAIT] is not None:
        values[_WAIT] = Wait.model_validate(values[_WAIT])
    if values[_DIALOGUE] is not None:
        values[_DIALOGUE] = Dialogue.model_validate(values[_DIALOGUE])
    return Task(*values)


def defined(task: DecomposedTask) -> dict[str, Any]:
    """The columns of a definition."""
    return task.model_dump(mode="json") | {"start_at": task.start_at, "deadline": task.deadline}


DEFINITION = tuple(DecomposedTask.model_fields)


def definition(task: DecomposedTask) -> list[Any]:
    """The values of these columns, JSON as text."""
    values = [getattr(task, name) for name in DEFINITION]
    for at in _DOCUMENTS:
        values[at] = _text(values[at])
    return values


_DOCUMENTS = [DEFINITION.index(name) for name in ("covers", "criteria", "command", "wait")]


def _text(value: BaseModel | tuple[str, ...] | None) -> str | None:
    if isinstance(value, tuple):
        return json.dumps(value) if value else "[]"
    return value.model_dump_json() if value is not None else None


def enforced(task: DecomposedTask) -> datetime | None:
    """The deadline where it ends something: a person is only told."""
    return task.deadline if task.command is not None else None


def dispatch_from(row: Sequence[Any]) -> Dispatch:
    """From a row that begins with DISPATCH_COLUMNS."""
    *values, status = row[: len(DISPATCH_COLUMNS)]
    return Dispatch(*values, open=status in ("sent", "heard", "recalled"))


def run_of(row: RowMapping) -> Run:
    return Run(**{name: row[name] for name in RUN_FIELDS})


def hours_to_json(hours: Hours) -> dict[str, Any]:
    return {"weekdays": sorted(hours.weekdays), "stretches": [list(stretch) for stretch in hours.stretches]}


def hours_of(content: dict[str, Any]) -> Hours:
    return Hours(frozenset(content["weekdays"]), tuple((start, end) for start, end in content["stretches"]))


def grain_to_json(grain: Grain) -> dict[str, Any]:
    calendar = grain.calendar
    return {
        "minutes": grain.minutes,
        "zone": calendar.zone,
        "hours": hours_to_json(calendar.hours),
        "holidays": sorted(day.isoformat() for day in calendar.holidays),
        "yearly": sorted([month, day] for month, day in calendar.yearly),
    }


def grain_of(content: dict[str, Any] | None) -> Grain:
    if content is None:
        return DEFAULT_GRAIN
    calendar = Calendar(
        zone=content["zone"],
        hours=hours_of(content["hours"]),
        holidays=frozenset(date.fromisoformat(day) for day in content["holidays"]),
        yearly=frozenset((month, day) for month, day in content["yearly"]),
    )
    return Grain(content["minutes"], calendar)


def member_to_json(member: Member) -> dict[str, Any]:
    return {
        "name": member.name,
        "kind": member.kind,
        "is_manager": member.is_manager,
        "roles": sorted(member.roles),
        "seniority": member.seniority,
        "slots": member.slots,
        "share": member.share,
        "hours": hours_to_json(member.hours) if member.hours else None,
        "zone": member.zone,
        "days_off": sorted(day.isoformat() for day in member.days_off),
        "tools": sorted(member.tools),
        "agent": member.agent,
    }


def member_of(row: Mapping[Any, Any]) -> Member:
    content: dict[str, Any] = dict(row["definition"])
    content["roles"] = frozenset(content["roles"])
    content["tools"] = frozenset(content["tools"])
    content["hours"] = hours_of(content["hours"]) if content["hours"] else None
    content["days_off"] = frozenset(date.fromisoformat(day) for day in content["days_off"])
    return Member(id=row["id"], key=row["key"], **content)
