"""What may be asked of planning, and how a long request is cut into events."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from orchestra.contracts.ids import ProjectId, Sha256
from orchestra.contracts.planning import Fault, PlanMode, PlanRequested, TaskRequest, TeamMember
from orchestra.gateway.domain.errors import BinaryDocument, DocumentTooLarge, TaskTooLarge

MAX_DOCUMENT = 1_000_000
"""Bytes in UTF-8."""

MAX_TASK = 150_000
"""Bytes of one task as JSON: it must fit in one event."""

PART = 180_000
"""Bytes of what is split, in one event; with its envelope the event stays under 200,000."""

_DEFAULTS = 2_000
"""Bytes that a task's fields at their default take, and more. Those of a dependency take less than it does itself."""

_SLICE = 8_000
"""Characters; as JSON none takes more than 6 bytes."""

_BINARY = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\ud800-\udfff]")
"""Control characters that no text has, and halves of characters."""


@dataclass(frozen=True)
class Project:
    id: ProjectId
    name: str
    archived: bool = False


@dataclass(frozen=True)
class WantedPlan:
    """A plan somebody asks for, whichever way they came."""

    document: str
    document_name: str
    mode: PlanMode
    tasks: Sequence[TaskRequest] = ()
    files: dict[str, Sha256] = field(default_factory=dict[str, Sha256])

    @cached_property
    def written(self) -> tuple[bytes, ...]:
        """Each task as JSON, as an event has it: what is at its default is left out."""
        return tuple(task.model_dump_json(exclude_defaults=True).encode() for task in self.tasks)


def check_limits(wanted: WantedPlan) -> None:
    """Raises DocumentTooLarge, BinaryDocument or TaskTooLarge."""
    if found := _BINARY.search(wanted.document):
        line = wanted.document.count("\n", 0, found.start()) + 1
        detail = f"Line {line} holds the character {found[0]!a}: this is no text."
        raise BinaryDocument([Fault(pointer="/document", code="binary", detail=detail)])
    size = len(wanted.document.encode())
    if size > MAX_DOCUMENT:
        raise DocumentTooLarge(f"The document has {size:,} bytes; at most {MAX_DOCUMENT:,} are allowed.")
    large = [
        Fault(pointer=f"/tasks/{at}", code="too-large", detail=f"A task takes at most {MAX_TASK:,} bytes.")
        for at, (task, text) in enumerate(zip(wanted.tasks, wanted.written, strict=True))
        if 2 * len(text) + _DEFAULTS > MAX_TASK and _weight(task) > MAX_TASK
    ]
    if large:
        raise TaskTooLarge(large)


@dataclass
class _Part:
    weight: int = 0
    document: list[str] = field(default_factory=list[str])
    tasks: list[bytes] = field(default_factory=list[bytes])
    files: dict[str, Sha256] = field(default_factory=dict[str, Sha256])
    team: list[TeamMember] = field(default_factory=list[TeamMember])


def in_parts(request: PlanRequested, tasks: Iterable[bytes]) -> tuple[PlanRequested, ...]:
    """The same request as events that are small enough: document, tasks, files and team in their order over the parts.

    `tasks` are those of the request, as JSON; its own field is not looked at.
    """
    parts = [_Part()]

    def room_for(weight: int) -> _Part:
        if parts[-1].weight + weight > PART:
            parts.append(_Part())
        parts[-1].weight += weight
        return parts[-1]

    for piece in _slices(request.document):
        room_for(_weight(piece)).document.append(piece)
    for text in tasks:
        room_for(len(text) + 1).tasks.append(text)
    for path, sha256 in request.files.items():
        room_for(_weight(path) + _weight(sha256)).files[path] = sha256
    for member in request.team:
        room_for(_weight(member)).team.append(member)
    return tuple(
        request.model_copy(
            update={
                "document": "".join(part.document),
                "files": part.files,
                "team": tuple(part.team),
                "part": number,
                "parts": len(parts),
            }
        ).written(tasks=part.tasks)
        for number, part in enumerate(parts, start=1)
    )


def _slices(text: str) -> Iterator[str]:
    for start in range(0, len(text), _SLICE):
        yield text[start : start + _SLICE]


def _weight(value: str | TaskRequest | TeamMember) -> int:
    """Bytes as JSON, with the comma or colon that follows."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else value.model_dump_json()
    return len(text.encode()) + 1
