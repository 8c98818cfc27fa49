"""Calls of tools: what a model wants done, as a value that can be judged, approved, recorded and found again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestra.contracts.execution import Artifact
from orchestra.contracts.ids import Sha256

Effect = Literal["none", "workspace", "outside"]
"""What a tool changes: nothing, files of the attempt's own workspace, or something beyond it."""


@dataclass(frozen=True)
class ToolSpec:
    """A tool as a model is told of it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """The JSON Schema of an object."""
    effect: Effect
    repeatable: bool = True
    """Whether a call may be made a second time where nobody knows whether the first one was: because it changes
    nothing, or because whoever serves it takes its key for the same call."""
    known_as: str = ""
    """What plans call it, where a model cannot: `mcp:server/tool`."""


@dataclass(frozen=True)
class ToolCall:
    tool: str
    arguments: Mapping[str, Any]
    place: int
    """Which call of its conversation it is, from 1."""

    @property
    def digest(self) -> Sha256:
        """Of the exact call: whatever differs in any argument is another call."""
        told = json.dumps([self.tool, self.arguments], sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True)
class ToolResult:
    text: str
    """What the model is told."""
    failed: bool = False
    """It was tried, and did not do what was asked; the model may try otherwise."""
    artifacts: tuple[Artifact, ...] = field(default=())
    """Files of the workspace that it has made, where it knows them itself."""


@dataclass(frozen=True)
class Effected:
    """A path of the workspace after a call; `sha256` is None where the call has removed it."""

    path: str
    sha256: Sha256 | None
    size: int = 0
    executable: bool = False
