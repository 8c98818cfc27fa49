"""The feed: what happened in a workspace, counted without a gap, for whoever may watch."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestra.contracts.event import Event
from orchestra.contracts.ids import ProjectId, RunId

_ENVELOPE = {"workspace_id", "project_id", "run_id", "sequence"}
"""Fields of an event that the item itself says, or that mean nothing outside."""


@dataclass(frozen=True)
class FeedItem:
    """`data` holds the event's own fields as JSON values; `at` is when the gateway recorded it."""

    sequence: int
    kind: str
    at: datetime
    project_id: ProjectId
    run_id: RunId | None
    data: dict[str, Any]


def feed_item(event: Event, sequence: int, at: datetime) -> FeedItem:
    return FeedItem(
        sequence=sequence,
        kind=event.kind,
        at=at,
        project_id=event.project_id,
        run_id=getattr(event, "run_id", None),
        data=event.model_dump(mode="json", exclude=_ENVELOPE),
    )
