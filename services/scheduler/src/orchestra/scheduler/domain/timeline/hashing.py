"""The hash of a schedule's inputs: the same inputs, the same hash, whatever order they came in."""

import json
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, cast

from orchestra.contracts.ids import Sha256
from orchestra.contracts.planning import Wait
from orchestra.scheduler.domain.people.member import Member, Need
from orchestra.scheduler.domain.timeline.snapshot import Snapshot, Task


def input_hash(snapshot: Snapshot) -> Sha256:
    """SHA-256 of the canonical JSON: `as_of` rounded down to the grain; the previous schedule by its version."""
    inputs = {field.name: getattr(snapshot, field.name) for field in fields(snapshot) if field.name != "previous"}
    inputs |= {
        "as_of": snapshot.grain.floor(snapshot.as_of),
        "members": [_member(member) for member in sorted(snapshot.members, key=lambda member: member.id)],
        "tasks": _tasks(sorted(snapshot.tasks, key=lambda task: task.id)),
        # An edge that is finish to start without lag is its two ends, as it was before there were others.
        "dependencies": sorted(edge[:2] if edge.plain else edge for edge in set(snapshot.dependencies)),
    }
    return sha256(canonical_json(inputs).encode()).hexdigest()


def _member(member: Member) -> dict[str, object]:
    """Whoever does no work of AI agents is what they were before there was any."""
    return {name: value for name, value in vars(member).items() if name != "agent" or value is not None}


def _tasks(tasks: Sequence[Task]) -> list[dict[str, object]]:
    """A task without timer and priority is what it was before there were any. A need that many have is made once."""
    needs: dict[Need, object] = {}
    found: list[dict[str, object]] = []
    for task in tasks:
        content = dict(vars(task))
        for name, default in _LATER.items():
            if content[name] == default:
                del content[name]
        need = needs.get(task.need)
        if need is None:
            asked = {name: _sorted(each) for name, each in vars(task.need).items()}
            if not task.need.agent:
                del asked["agent"]
            need = needs[task.need] = asked
        content["need"] = need
        found.append(content)
    return found


_LATER: dict[str, object] = {"wait": None, "ends_at": None, "priority": 0}


def _sorted(value: object) -> object:
    return sorted(cast("frozenset[Any]", value)) if isinstance(value, frozenset) else value


def canonical_json(value: object) -> str:
    """Keys sorted, no spaces; dataclasses as objects, sets as sorted lists, instants in UTC."""
    return json.dumps(value, default=_plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case frozenset():
            return _sorted(cast("frozenset[Any]", value))
        case Wait():
            return value.model_dump()
        case _ if is_dataclass(value):
            return vars(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical form")
