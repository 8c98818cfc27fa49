"""Which agent a task is given to, or why it is given to none now.

Whoever is named gets it. Of `any`, the highest score does, with two exceptions for those on probation (newcomers and
degraded ones), so that everybody can show what they are worth and nobody risks much on it:

- Simple work they are given like everybody else. Other work they are given by their score only where nobody better
  known could do it; a newcomer, also where all of those have their hands full.
- Whoever was passed over often enough has a turn, whatever the scores say: every fifth task that it could have had, if
  that one is simple; at the latest the tenth. It is counted, not drawn.

A task that prefers an agent which is free takes nobody's turn, and that agent competes for it whatever its standing.

Work that was begun goes on with the agent that has begun it, while that is free and may still do it: what its model has
answered is not asked of another. That takes nobody's turn either.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestra.executor.domain.agents.registry import ANY, AWAY_AFTER, HEARTBEAT_EVERY, Agent
from orchestra.executor.domain.agents.scoring import Candidate, Score, Wanted, capability, score

TURN = 5
"""Of so many tasks that somebody on probation could have had, one is theirs."""
TURN_OF_ANY = 2 * TURN
"""The same where none of these was simple."""

BUSY_FOR = timedelta(seconds=5)
SILENT_FOR = HEARTBEAT_EVERY
PAUSED_FOR = timedelta(seconds=60)
"""When it is worth asking again."""


@dataclass(frozen=True)
class Assigned:
    agent: Agent
    why: Score


@dataclass(frozen=True)
class Away:
    """Nobody now: the task waits."""

    name: str
    """The agent's, or `any`."""
    reason: str
    retry_after: float
    """Seconds."""


@dataclass(frozen=True)
class Unknown:
    """Nobody, and waiting does not help."""

    reason: str


Choice = Assigned | Away | Unknown


def choose(candidates: Sequence[Candidate], wanted: Wanted, now: datetime) -> Choice:
    """`candidates` are all agents of the workspace."""
    if wanted.agent != ANY:
        return _named(candidates, wanted, now)
    known = [each for each in candidates if each.agent.state != "retired"]
    if not known:
        return Unknown("All agents of this workspace are retired.")
    able = [each for each in known if capability(each.agent, wanted)]
    if not able:
        return Unknown(f"No agent does work of the kind {wanted.kind}.")
    fit = [each for each in able if not each.agent.lacks(wanted.tools)]
    if not fit:
        tools = ", ".join(wanted.tools)
        return Unknown(f"No agent that does work of the kind {wanted.kind} may use all of {tools}.")
    for each in fit:
        if each.agent.name == wanted.earlier and not _obstacle(each, now):
            return Assigned(each.agent, score(each, wanted, now))
    pool = _pool(fit, wanted, now)
    if not pool:
        # Of all that could do it somebody has an obstacle: without one it would be in the pool.
        obstacles = [(*found, each.agent.name) for each in fit if (found := _obstacle(each, now))]
        reasons = "; ".join(f"{name}: {reason}" for _, reason, name in obstacles)
        return Away(ANY, reasons, min(wait for wait, _, _ in obstacles).total_seconds())
    best = min(pool, key=lambda each: (-score(each, wanted, now).total, each.held, each.agent.name))
    return Assigned(best.agent, score(best, wanted, now))


def given(candidates: Sequence[Candidate], wanted: Wanted, choice: Choice, now: datetime) -> list[Candidate]:
    """The candidates as they stand after the choice."""
    if not isinstance(choice, Assigned):
        return list(candidates)
    counts = wanted.agent == ANY and not _takes_no_turn(candidates, wanted, now)

    def after(each: Candidate) -> Candidate:
        if each.agent.name == choice.agent.name:
            return replace(each, held=each.held + 1, passed=0)
        passed_over = counts and each.on_probation and _could(each, wanted, now)
        return replace(each, passed=each.passed + passed_over)

    return [after(each) for each in candidates]


def _named(candidates: Sequence[Candidate], wanted: Wanted, now: datetime) -> Choice:
    found = next((each for each in candidates if each.agent.name == wanted.agent), None)
    if found is None:
        return Unknown(f"No agent is called {wanted.agent}.")
    if found.agent.state == "retired":
        return Unknown(f"The agent {wanted.agent} is retired.")
    # Who is named by people is given work of any kind; what it may use is another question.
    if lacking := found.agent.lacks(wanted.tools):
        return Unknown(f"The agent {wanted.agent} may not use {', '.join(lacking)}.")
    if obstacle := _obstacle(found, now):
        wait, reason = obstacle
        return Away(wanted.agent, reason, wait.total_seconds())
    return Assigned(found.agent, score(found, wanted, now))


def _pool(fit: Sequence[Candidate], wanted: Wanted, now: datetime) -> list[Candidate]:
    """Those among whom the score decides."""
    free = [each for each in fit if not _obstacle(each, now)]
    preferred = [each for each in free if each.agent.name == wanted.prefer]
    turn = TURN if wanted.difficulty == "simple" else TURN_OF_ANY
    due = [each for each in free if each.on_probation and each.passed >= turn - 1]
    if due and not preferred:
        longest = max(each.passed for each in due)
        return [each for each in due if each.passed == longest]
    if wanted.difficulty == "simple":
        return free
    for spared in (("newcomer", "degraded"), ("degraded",)):
        if better := [each for each in free if each.standing not in spared]:
            return [*better, *(each for each in preferred if each not in better)]
    busy = [each for each in fit if each.standing != "degraded" and each.agent.status(now) == "active"]
    return preferred if busy else free


def _takes_no_turn(candidates: Sequence[Candidate], wanted: Wanted, now: datetime) -> bool:
    meant = (wanted.prefer, wanted.earlier)
    return any(each.agent.name in meant and _could(each, wanted, now) for each in candidates)


def _could(each: Candidate, wanted: Wanted, now: datetime) -> bool:
    return bool(capability(each.agent, wanted)) and not each.agent.lacks(wanted.tools) and not _obstacle(each, now)


def _obstacle(each: Candidate, now: datetime) -> tuple[timedelta, str] | None:
    """What keeps it from work now, and when to look again."""
    status = each.agent.status(now)
    if status == "retired":
        return PAUSED_FOR, "it is retired"
    if status == "paused":
        return PAUSED_FOR, "it is paused"
    if status == "away":
        return SILENT_FOR, f"it has given no sign of life for {AWAY_AFTER.total_seconds():.0f} s"
    if not each.is_free:
        return BUSY_FOR, f"it has the {each.agent.concurrency} that it may have at a time"
    return None
