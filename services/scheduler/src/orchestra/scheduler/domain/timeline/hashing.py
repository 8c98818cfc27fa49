"""The hash of a schedule's inputs: the same inputs, the same hash, whatever order they came in."""

import json
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import Any, cast

from orchestra.contracts.ids import Sha256
from orchestra.contracts.planning import Wait
from orchestra.scheduler.domain.timeline.snapshot import Snapshot, Task


def input_hash(snapshot: Snapshot) -> Sha256:
    """SHA-256 of the canonical JSON: `as_of` rounded down to the grain; the previous schedule by its version."""
    inputs = {field.name: getattr(snapshot, field.name) for field in fields(snapshot) if field.name != "previous"}
    inputs |= {
        "as_of": snapshot.grain.floor(snapshot.as_of),
        "members": sorted(snapshot.members, key=lambda member: member.id),
        "tasks": sorted(snapshot.tasks, key=lambda task: task.id),
        # An edge that is finish to start without lag is its two ends, as it was before there were others.
        "dependencies": sorted(edge[:2] if edge.plain else edge for edge in set(snapshot.dependencies)),
    }
    return sha256(canonical_json(inputs).encode()).hexdigest()


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
            return sorted(cast("frozenset[Any]", value))
        case Task():
            # A task without timer and priority is what it was before there were any.
            later = {"wait": None, "ends_at": None, "priority": 0}
            return {name: each for name, each in vars(value).items() if name not in later or each != later[name]}
        case Wait():
            return value.model_dump()
        case _ if is_dataclass(value):
            return vars(value)
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical form")
