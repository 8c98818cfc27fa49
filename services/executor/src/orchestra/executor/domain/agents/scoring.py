"""How well an agent fits a task: one number from 0 to 1, and what it is made of."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestra.contracts.machine_work import AgentBrief, AgentKind, Difficulty
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.domain.agents.registry import (
    ANY,
    AWAY_AFTER,
    HEARTBEAT_EVERY,
    NO_RESULTS,
    Agent,
    Results,
    Standing,
    standing,
)

TIER: Mapping[Standing, float] = {
    "elite": 1.0,
    "advanced": 0.8,
    "competent": 0.6,
    "newcomer": 0.6,
    "trainee": 0.4,
    "degraded": 0.2,
}
"""A newcomer counts as competent: nobody knows better yet, and nothing measured must not mean nothing given."""

LoadLevel = Literal["idle", "optimal", "high", "critical", "full"]
LOAD: Mapping[LoadLevel, float] = {"idle": 1.0, "optimal": 0.8, "high": 0.5, "critical": 0.2, "full": 0.0}

KIND_ALONE = 0.7
"""Of the capability, where the kind of work fits and none of the agent's words is named."""
PREFERRED_AGENT, PREFERRED_TYPE = 0.2, 0.3

_WORD = re.compile(r"\w(?:[\w+#.-]*\w)?[+#]*")


@dataclass(frozen=True)
class Wanted:
    """What a task asks of whoever does it."""

    agent: str
    """A name, or `any`."""
    kind: AgentKind = "code"
    difficulty: Difficulty = "medium"
    tools: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()
    """Those of its title and its instructions, in lower case."""
    earlier: str | None = None
    """Who had the conversation that is gone on with, where one was left."""
    prefer: str | None = None
    prefer_type: str | None = None

    @staticmethod
    def of(dispatch: TaskDispatched, brief: AgentBrief) -> "Wanted":
        return Wanted(
            dispatch.agent or ANY,
            brief.kind,
            brief.difficulty,
            brief.tools,
            words_of(f"{dispatch.title} {brief.instructions}"),
            prefer=brief.prefer,
            prefer_type=brief.prefer_type,
        )


@dataclass(frozen=True)
class Candidate:
    """An agent as it stands at this moment."""

    agent: Agent
    results: Results = NO_RESULTS
    held: int = 0
    """Attempts that it has under lease."""
    passed: int = 0
    """Tasks that it could have had since it had one, while it is on probation."""

    @property
    def standing(self) -> Standing:
        return standing(self.results)

    @property
    def on_probation(self) -> bool:
        return self.standing in ("newcomer", "degraded")

    @property
    def is_free(self) -> bool:
        return self.held < self.agent.concurrency


@dataclass(frozen=True)
class Score:
    """Every part is from 0 to 1."""

    tier: float
    capability: float
    load: float
    availability: float
    preferred: bool = False
    preferred_type: bool = False

    @property
    def total(self) -> float:
        parts = 0.4 * self.tier + 0.3 * self.capability + 0.2 * self.load + 0.1 * self.availability
        wishes = PREFERRED_AGENT * self.preferred + PREFERRED_TYPE * self.preferred_type
        # Rounded, so that agents whose parts add up to the same are the same.
        return min(1.0, round(parts + wishes, 6))


def score(candidate: Candidate, wanted: Wanted, now: datetime) -> Score:
    agent = candidate.agent
    return Score(
        tier=TIER[candidate.standing],
        capability=capability(agent, wanted),
        load=LOAD[load_level(candidate.held, agent.concurrency)],
        availability=availability(agent, now),
        preferred=wanted.prefer == agent.name,
        preferred_type=wanted.prefer_type == agent.type,
    )


def capability(agent: Agent, wanted: Wanted) -> float:
    """Nothing where its work is of other kinds; 1 where one of its words is named as well."""
    if wanted.kind not in agent.kinds:
        return 0.0
    return 1.0 if agent.capabilities & wanted.words else KIND_ALONE


def load_level(held: int, concurrency: int) -> LoadLevel:
    """By the share of what it may have at a time: none, below a half, below four fifths, below all."""
    if held <= 0:
        return "idle"
    if held >= concurrency:
        return "full"
    share = held / concurrency
    return "optimal" if share < 0.5 else "high" if share < 0.8 else "critical"


def availability(agent: Agent, now: datetime) -> float:
    """1, unless a sign of life is overdue: then less by and by, down to 0 when it counts as away."""
    if not agent.outside:
        return 1.0
    if agent.heartbeat_at is None:
        return 0.0
    overdue = (now - agent.heartbeat_at - HEARTBEAT_EVERY) / (AWAY_AFTER - HEARTBEAT_EVERY)
    return min(1.0, max(0.0, 1.0 - overdue))


def words_of(text: str) -> frozenset[str]:
    """`C++`, `front-end` and `node.js` are words; a full stop at the end is none of theirs."""
    return frozenset(_WORD.findall(text.lower()))
