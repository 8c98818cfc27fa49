"""Agents of a workspace: what each may do, whether it is there, and how it stands by its measured results."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args

from orchestra.contracts.agents import AgentStatus
from orchestra.contracts.ids import Sha256, WorkspaceId
from orchestra.contracts.machine_work import AgentKind

AgentState = Literal["active", "paused", "retired"]
"""What people have said of it."""

Standing = Literal["elite", "advanced", "competent", "trainee", "degraded", "newcomer"]

ANY = "any"
"""In place of a name: whoever fits best. No agent is called so."""
HOUSE = "house"
"""The agent of a workspace that has registered none."""
NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
USUAL_TYPE = "general"
ALL_KINDS: frozenset[AgentKind] = frozenset(get_args(AgentKind))
MOST_AT_ONCE = 1000

HEARTBEAT_EVERY = timedelta(seconds=30)
"""How often an outside agent should give a sign of life."""
AWAY_AFTER = timedelta(seconds=90)
"""After so long without one it is away."""

KNOWN_BY = 5
"""Results after which an agent is no newcomer any more."""
RECENT = 0.1
"""What the newest result weighs in success and quality, once there are ten; before that all weigh the same."""
DEGRADED_BELOW, RECOVERED_ABOVE = 0.3, 0.5
"""Success at which an agent becomes degraded, and at which it is a trainee again. In between it stays what it is, so
that one result more or less does not turn it about."""


@dataclass(frozen=True)
class Results:
    """What was measured: all that an agent has done, or all of one kind."""

    done: int = 0
    partial: int = 0
    failed: int = 0
    gaps: int = 0
    """A verification found that something is missing."""
    success: float = 0.0
    """From 0 to 1: done is 1, partial is a half, the others are nothing. Newer results weigh more."""
    quality: float = 0.0
    """The same of what was judged at all: failures that nobody has verified do not count."""
    degraded: bool = False
    cost_micros: int = 0
    duration_ms: int = 0

    @property
    def count(self) -> int:
        return self.done + self.partial + self.failed + self.gaps


NO_RESULTS = Results()


def standing(results: Results) -> Standing:
    if results.count < KNOWN_BY:
        return "newcomer"
    if results.degraded:
        return "degraded"
    if results.success >= 0.95 and results.quality >= 0.9:
        return "elite"
    if results.success >= 0.85:
        return "advanced"
    return "competent" if results.success >= 0.7 else "trainee"


@dataclass(frozen=True)
class Agent:
    workspace_id: WorkspaceId
    name: str
    type: str = USUAL_TYPE
    """A word that a task may prefer: `reviewer`, `implementer`."""
    kinds: frozenset[AgentKind] = ALL_KINDS
    """Work that it is given."""
    capabilities: frozenset[str] = frozenset()
    """Words, in lower case: it fits better where a task names one of them."""
    model: str | None = None
    """A tier or a model's name, where the task does not say; None: by kind and difficulty."""
    tools: frozenset[str] | None = None
    """All that it may be given to work with; None: whatever a task asks for."""
    concurrency: int = 1
    """Attempts that it has at a time, at most."""
    state: AgentState = "active"
    outside: bool = False
    """It works in a process of its own, elsewhere, and gives signs of life."""
    token_hash: Sha256 | None = field(default=None, repr=False)
    """Of what an outside agent proves itself with."""
    heartbeat_at: datetime | None = None
    told: AgentStatus | None = None
    """The last status that was published; None: none was."""
    stored: bool = True
    """False: it is the built-in one."""

    def status(self, now: datetime) -> AgentStatus:
        return "away" if self.state == "active" and self.is_silent(now) else self.state

    def is_silent(self, now: datetime) -> bool:
        return self.outside and (self.heartbeat_at is None or now - self.heartbeat_at > AWAY_AFTER)

    def lacks(self, tools: Iterable[str]) -> list[str]:
        """Those of the tools that it may not use. A server stands for all tools of that server."""
        allowed = self.tools
        if allowed is None:
            return []
        return [tool for tool in tools if tool not in allowed and tool.partition("/")[0] not in allowed]

    def is_proven_by(self, token: str) -> bool:
        return self.token_hash is not None and hmac.compare_digest(self.token_hash, token_hash(token))


def token_hash(token: str) -> Sha256:
    # A plain hash is enough: a token is long and random, so there is nothing to guess.
    return hashlib.sha256(token.encode()).hexdigest()


def house(workspace_id: WorkspaceId) -> Agent:
    """It can do everything, and has as much at a time as the executors have slots for."""
    return Agent(workspace_id, HOUSE, concurrency=MOST_AT_ONCE, told="active", stored=False)
