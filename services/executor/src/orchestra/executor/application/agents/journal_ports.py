"""The journal of tools: what agents wanted, what was decided, and what came of it."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from orchestra.contracts.ids import WorkspaceId
from orchestra.executor.application.agents.ports import Assignment
from orchestra.executor.domain.agents.calls import Effected, ToolCall, ToolSpec

EntryStatus = Literal["begun", "done", "failed", "refused", "asked", "away", "unknown"]
"""`begun`: nobody has told its end. `asked`: a person is asked first. `away`: what serves it was, so it was not made.
`unknown`: nobody will ever know whether it was made; a person has decided about it."""


@dataclass(frozen=True)
class Entry:
    """A call as the journal has it."""

    id: str
    key: str
    """Of this call and no other, whoever repeats it."""
    status: EntryStatus
    text: str = ""
    """What the model was told."""
    effected: Sequence[Effected] = ()


@dataclass(frozen=True)
class Earlier:
    """What the journal and the ledger know of the task before this attempt."""

    conversation: str
    """The attempt's own: new after a failure, the same after a suspension or a loss."""
    lost: Sequence[str]
    """Attempts whose holds nobody has ended."""


class NotHeld(Exception):
    """The attempt is its holder's no more: nothing may be done for it."""


class ApprovalUsed(Exception):
    """Another call has used the approval up."""


class Journal(Protocol):
    """All that agents were allowed, refused, and have done: the effect ledger. Each of these is a transaction of its
    own. A call has its row before it is made, and its outcome after; so whoever goes on knows which were made."""

    async def opening(self, assignment: Assignment, make: Callable[[], Awaitable[str]]) -> str:
        """The first words of the conversation: made once, the same ever after. Raises NotHeld."""
        ...

    async def find(self, conversation: str, call: ToolCall) -> Entry | None:
        """The newest of this very call at its place."""
        ...

    async def unsure(self, assignment: Assignment, call: ToolCall) -> Entry | None:
        """The same call, of whatever conversation of the task, with an effect outside, begun and never ended."""
        ...

    async def used(self, checkpoints: Collection[str]) -> set[str]:
        """Those whose approval was used up."""
        ...

    async def begin(
        self,
        assignment: Assignment,
        call: ToolCall,
        spec: ToolSpec,
        summary: str,
        *,
        key: str,
        approval: str | None,
        instead_of: Entry | None,
    ) -> Entry:
        """It is allowed, and about to be made; one that it is made instead of stays unknown for ever.

        Raises NotHeld, ApprovalUsed; then it must not be made.
        """
        ...

    async def end(
        self, assignment: Assignment, entry: Entry, status: EntryStatus, result: str, effected: Sequence[Effected]
    ) -> None:
        """Of all that was begun under its key."""
        ...

    async def decided(
        self, assignment: Assignment, call: ToolCall, status: EntryStatus, reason: str, summary: str
    ) -> None:
        """It was not made, and why."""
        ...

    async def effects(self, assignment: Assignment) -> Sequence[str]:
        """In words, what earlier conversations of the task have done beyond the workspace, the oldest first."""
        ...


@dataclass(frozen=True)
class ToolCallView:
    """A call, or a decision against one, as it is shown."""

    id: str
    place: int
    """Which of its conversation."""
    tool: str
    status: EntryStatus
    effect: str
    digest: str
    """SHA-256 of the exact call: what an approval names."""
    summary: str
    reason: str
    """Why it was not made."""
    approval: str | None
    """The checkpoint that allowed it."""
    files: Sequence[str]
    """What it has changed in the workspace."""
    at: datetime
    ended_at: datetime | None


class ToolCalls(Protocol):
    """For readers."""

    async def page(
        self, workspace_id: WorkspaceId, attempt_id: str, *, after: str | None, limit: int
    ) -> Sequence[ToolCallView]:
        """Of one attempt, by id: the oldest first."""
        ...
