"""What an attempt of an agent asks of the world: tools, a journal of their calls, what is known of the project."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from orchestra.contracts.ids import ProjectId, RunId, TaskId, WorkspaceId
from orchestra.contracts.machine_work import AgentAnswer
from orchestra.contracts.planning import Command
from orchestra.contracts.suspensions import Suspension
from orchestra.executor.application.models.ports import Caller
from orchestra.executor.domain.agents.calls import Effected, ToolResult, ToolSpec
from orchestra.executor.domain.models.routing import Difficulty, Kind, Overrides
from orchestra.executor.domain.models.usage import Usage


@dataclass(frozen=True)
class Assignment:
    """For whom the tools of one attempt work, and within what."""

    workspace_id: WorkspaceId
    project_id: ProjectId
    run_id: RunId
    task_id: TaskId
    attempt_id: str
    token: int
    """The attempt's fencing token."""
    conversation: str
    """The same for every attempt that goes on with what an earlier one has begun."""
    agent: str
    command: Command
    """With the brief in it, the programs that may be run as its `tools`, and the hosts that may be asked."""
    folder: Path
    """The workspace on the disk."""
    log: Path
    """What is shown of the attempt; whatever a tool has to show is added at its end."""
    answers: Sequence[AgentAnswer] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    guarded: Sequence[str] = ()
    """Files that stay as they are."""

    def caller(self, purpose: str, replay: str = "") -> Caller:
        """On whose behalf a model is asked."""
        return Caller(
            self.workspace_id,
            purpose,
            self.project_id,
            self.run_id,
            self.task_id,
            attempt_id=self.attempt_id,
            token=self.token,
            agent=self.agent,
            replay=replay,
        )


class Waits(Exception):
    """The attempt has to end for now: a person, money or a server is waited for."""

    def __init__(self, suspension: Suspension) -> None:
        super().__init__(suspension.kind)
        self.suspension = suspension


class ToolAway(Exception):
    """What serves a tool does not answer: the task waits for it, and does not fail."""

    def __init__(self, name: str, reason: str, retry_after: float | None = None) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason, self.retry_after = name, reason, retry_after


class ToolLost(Exception):
    """What serves a tool went away in the middle of a call that must not be made twice: nobody knows whether it was
    made, so it stays begun."""


class NoTool(Exception):
    """The task was promised a tool that nobody has configured here; waiting does not bring it."""


class Tool(Protocol):
    """One tool of one attempt. It is called by the broker alone, after that has judged the call."""

    @property
    def spec(self) -> ToolSpec: ...

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        """Why these arguments, which fulfil the schema, are forbidden; None where they are not. Changes nothing."""
        ...

    def summary(self, arguments: Mapping[str, Any]) -> str:
        """The call in words that a person can judge, at most 2,000 characters."""
        ...

    async def perform(self, arguments: Mapping[str, Any], key: str) -> ToolResult:
        """Do it. `key` is the same whenever the same call is made again. Raises ToolAway where it was surely not made
        or may be made again, else ToolLost; what a model is refused with; and Waits where the attempt has to end for
        now."""
        ...

    async def look_up(self, key: str) -> ToolResult | None:
        """What became of the call of this key that was begun by one who is gone; None: that cannot be found out.

        Raises ToolAway.
        """
        ...


class Toolbox(Protocol):
    """Where tools of one sort come from."""

    async def tools(self, assignment: Assignment, wanted: Sequence[str]) -> Sequence[Tool]:
        """Those of the wanted names (`fetch`, `mcp:server`, `mcp:server/tool`) that are of its sort.

        Raises ToolAway, NoTool.
        """
        ...


class Knowledge(Protocol):
    """What is known of a project."""

    async def briefing(self, workspace_id: WorkspaceId, project_id: ProjectId, about: str) -> str:
        """What matters for work about this, at most 3,000 characters; empty where nothing is known."""
        ...

    async def learn(self, assignment: Assignment, findings: Sequence[tuple[str, str]]) -> None:
        """Keep findings, (kind, text) each. What is known already is not kept twice; what is none is left out."""
        ...


class BadFile(Exception):
    """A path that cannot be read or written; the message says why, and is told to the model."""


class Files(Protocol):
    """The files of one attempt's workspace. Nothing here follows a link; all paths are judged."""

    async def read(self, path: str, most: int) -> tuple[bytes, int]:
        """Its beginning, and its size in bytes. Raises BadFile."""
        ...

    async def write(self, path: str, content: bytes) -> None:
        """Make or replace it, with its folders. Raises BadFile."""
        ...

    async def remove(self, path: str) -> None:
        """Raises BadFile."""
        ...

    async def listed(self, pattern: str, most: int) -> tuple[Sequence[tuple[str, int]], int]:
        """Paths and sizes, by path, of the regular files that match, at most so many; and how many there are."""
        ...

    async def changes(self) -> Sequence[Effected]:
        """What has changed since the last look, its content stored. Call it when no command is at work."""
        ...

    async def restore(self, effected: Sequence[Effected]) -> None:
        """Have these paths as they were left by a call that was made before; they are no changes."""
        ...

    async def changed(self) -> Sequence[Effected]:
        """All that differs from what the workspace was laid out with, contents stored."""
        ...


@dataclass(frozen=True)
class Talk:
    """A conversation of a model with its tools."""

    caller: Caller
    instructions: str
    prompt: str
    tools: Sequence[ToolSpec]
    rounds: int
    max_tokens: int | None
    kind: Kind
    difficulty: Difficulty
    overrides: Overrides


@dataclass(frozen=True)
class Finished:
    summary: str
    findings: Sequence[tuple[str, str]]
    """(kind, text)."""


@dataclass
class Meanwhile:
    """What is known of a conversation while it goes on."""

    rounds: int = 0
    usage: Usage = field(default_factory=lambda: Usage(0, 0))
    model: str = ""


class OutOfLimits(Exception):
    """A limit of the conversation: rounds, tokens, or a loop; the message says which."""


class Conversations(Protocol):
    async def converse(
        self,
        talk: Talk,
        use: Callable[[str, Mapping[str, Any]], Awaitable[str]],
        say: Callable[[str], None],
        meanwhile: Meanwhile,
    ) -> Finished:
        """Until the model has finished. `use` makes a call and returns what the model is told, `say` hears its words.

        Raises OutOfLimits, what `use` raises, and what a question to a model raises.
        """
        ...
