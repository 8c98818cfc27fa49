"""A plain step of a run in one statement: an attempt succeeded, its task is done, and the one that follows goes out.

The rules of the general way (`record_successes`) once more, for the one case that a chain is made of. What a step must
be like to be plain stands in `_ended`, `_following` and `_plain`; whatever is otherwise is left to the general way, and
a property holds both against each other. Where a rule is an expression already, it is that one: `held_back`.

Every part sees the database as it was when the statement began. That its project has not changed since is what
`held` makes sure of: whoever holds a project writes its row anew, so that it is another version than the one seen.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Executable,
    Integer,
    String,
    Text,
    and_,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.types import Boolean

from orchestra.chassis.database.at_once import NEW, NOW, claim, done
from orchestra.chassis.database.engine import Dialect
from orchestra.chassis.database.statement import Statement, given
from orchestra.scheduler.adapters.gates import held_back
from orchestra.scheduler.adapters.hot_facts import ATTEMPT, OUTPUTS, PROJECT_ID, VERSION, WORKSPACE, handed_on
from orchestra.scheduler.adapters.hot_writes import held, told, writes
from orchestra.scheduler.adapters.limit_tables import ADMISSION_LIMIT
from orchestra.scheduler.adapters.tables import DEPENDENCY, DISPATCH, IN_HAND, MEMBER, PROJECT, RUN, TASK
from orchestra.scheduler.adapters.task_statements import AGENT

_ENDED_TASK = given("task", String())
_MOST_FILES, _MOST_NAMES = 50, 5000
"""Handed-on files, and the bytes of their paths: far less than an event can name."""


def _ended() -> CTE:
    """The task whose attempt has succeeded, while it holds it and its run goes on, and nothing else is ready there."""
    ready = TASK.alias("ready")
    query = (
        select(
            TASK.c.id,
            TASK.c.key,
            TASK.c.title,
            TASK.c.status,
            TASK.c.assignee,
            TASK.c.attempts,
            TASK.c.plan_id,
            TASK.c.covers,
            TASK.c.run_id,
            RUN.c.concurrency,
            RUN.c.dry_run,
            func.coalesce(RUN.c.trace, given("trace", Text())).label("trace"),
            VERSION.label("version"),
        )
        .join(DISPATCH, DISPATCH.c.task_id == TASK.c.id)
        .join(RUN, RUN.c.id == TASK.c.run_id)
        .join(PROJECT, and_(PROJECT.c.workspace_id == TASK.c.workspace_id, PROJECT.c.id == TASK.c.project_id))
    )
    attempt = (
        DISPATCH.c.attempt_id == ATTEMPT,
        DISPATCH.c.status.in_(("sent", "heard", "recalled")),
        DISPATCH.c.token == given("token", BigInteger),
        TASK.c.token == DISPATCH.c.token,
    )
    task = (
        TASK.c.id == _ENDED_TASK,
        TASK.c.workspace_id == WORKSPACE,
        TASK.c.project_id == PROJECT_ID,
        TASK.c.status.in_(("queued", "running")),
        TASK.c.pool.startswith(AGENT),
        _no_mutex(),
        _no_agent(),
        TASK.c.paused_by.is_(None),
        ~TASK.c.watched,
        ~TASK.c.end_gated,
    )
    run = (
        RUN.c.status == "running",
        RUN.c.waits_since.is_(None),
        ~exists().where(ready.c.run_id == RUN.c.id, ready.c.status == literal_column("'ready'")),
        ~exists().where(ADMISSION_LIMIT.c.workspace_id == WORKSPACE),
    )
    return query.where(NEW, *attempt, *task, *run).cte("ended")


def _no_mutex() -> ColumnElement[bool]:
    return func.split_part(TASK.c.pool, "|", 4) == ""


def _no_agent() -> ColumnElement[bool]:
    """Work of an agent is done only with proof, and is told more when it goes out."""
    return TASK.c.command.op("->>")(literal_column("'agent'")).is_(None)


def _following(ended: CTE) -> CTE:
    """What nothing but the ended task holds back; `plain`: it is a command that nothing more is to be asked about."""
    plain = and_(
        TASK.c.pool.startswith(AGENT),
        _no_mutex(),
        _no_agent(),
        TASK.c.dialogue.is_(None),
        TASK.c.run_id == ended.c.run_id,
        TASK.c.assignee.is_(None),
        TASK.c.paused_by.is_(None),
        TASK.c.not_before.is_(None),
        TASK.c.expires_at.is_(None),
        TASK.c.newer.is_(None),
        ~TASK.c.retired,
        or_(TASK.c.guidance.is_(None), func.jsonb_array_length(TASK.c.guidance) == 0),
        or_(TASK.c.edits.is_(None), func.jsonb_array_length(TASK.c.edits) == 0),
        or_(~TASK.c.watched, TASK.c.attempts == 0),
    )
    return (
        select(
            TASK.c.id,
            TASK.c.key,
            TASK.c.title,
            TASK.c.pool,
            TASK.c.command,
            TASK.c.attempts,
            TASK.c.token,
            plain.label("plain"),
        )
        .join(DEPENDENCY, DEPENDENCY.c.successor == TASK.c.id)
        .join(ended, DEPENDENCY.c.predecessor == ended.c.id)
        .where(TASK.c.status == "blocked", ~held_back(NOW, but_for=_ENDED_TASK))
        .cte("following")
    )


def _agents() -> CTE:
    """The project's agents, and how many tasks each has in hand besides the ended one."""
    in_hand = (
        select(TASK.c.assignee, func.count().label("tasks"))
        .where(
            TASK.c.workspace_id == WORKSPACE,
            TASK.c.project_id == PROJECT_ID,
            IN_HAND,
            TASK.c.id != _ENDED_TASK,
        )
        .group_by(TASK.c.assignee)
        .subquery("in_hand")
    )
    busy = func.coalesce(in_hand.c.tasks, 0)
    return (
        select(
            MEMBER.c.id,
            MEMBER.c.key,
            MEMBER.c.definition,
            busy.label("busy"),
            (_said("slots", Integer()) - busy).label("free"),
        )
        .outerjoin(in_hand, in_hand.c.assignee == MEMBER.c.id)
        .where(MEMBER.c.workspace_id == WORKSPACE, MEMBER.c.project_id == PROJECT_ID, MEMBER.c.active)
        .where(_said("kind", Text()) == "agent")
        .cte("agents")
    )


def _said(name: str, of: Any) -> ColumnElement[Any]:
    return cast(MEMBER.c.definition.op("->>")(literal_column(f"'{name}'")), of)


def _taker(following: CTE, agents: CTE) -> CTE:
    """The agent with the most free slots that may take it: `share_out` for one task."""
    role, tools = func.split_part(following.c.pool, "|", 2), func.split_part(following.c.pool, "|", 3)
    roles, able = (agents.c.definition.op("->")(literal_column(f"'{name}'")) for name in ("roles", "tools"))
    may = (
        cast(agents.c.definition.op("->>")(literal_column("'is_manager'")), Boolean).is_(False),
        or_(role == "", roles.op("?")(role)),
        able.op("?&")(func.string_to_array(tools, ",")),
        agents.c.free > 0,
    )
    best = (agents.c.free.desc(), agents.c.key.collate("C").desc())
    return (
        select(agents.c.id)
        .select_from(following.join(agents, true()))
        .where(*may)
        .order_by(*best)
        .limit(1)
        .cte("taker")
    )


def _plain(ended: CTE, following: CTE, agents: CTE, taker: CTE, files: CTE) -> CTE:
    """One row where the step is plain: one task follows and somebody takes it, or none does and others are at work."""
    at_work = exists().where(
        TASK.c.project_id == PROJECT_ID,
        IN_HAND,
        TASK.c.run_id == ended.c.run_id,
        TASK.c.status.in_(("queued", "running")),
        TASK.c.pool.startswith(AGENT),
        TASK.c.id != ended.c.id,
    )
    count = select(func.count()).select_from(following).scalar_subquery()
    busy = select(func.coalesce(func.sum(agents.c.busy), 0)).scalar_subquery()
    room = or_(ended.c.concurrency.is_(None), busy < ended.c.concurrency)
    goes_out = and_(count == 1, following.c.plain, taker.c.id.is_not(None), files.c.few, room)
    rows = ended.outerjoin(following, true()).outerjoin(taker, true()).outerjoin(files, true())
    return (
        select(
            *ended.c,
            following.c.id.label("next_id"),
            following.c.key.label("next_key"),
            following.c.title.label("next_title"),
            following.c.command.label("next_command"),
            following.c.attempts.label("next_attempts"),
            following.c.token.label("next_token"),
            taker.c.id.label("member"),
            files.c.listed.label("files"),
        )
        .select_from(rows)
        .where(or_(goes_out, and_(count == 0, at_work)))
        .cte("plain")
    )


def _step(dialect: Dialect) -> Executable:
    ended = _ended()
    following, agents = _following(ended), _agents()
    taker = _taker(following, agents)
    files = handed_on(following, _ENDED_TASK, OUTPUTS, most=_MOST_FILES, names=_MOST_NAMES)
    plain = _plain(ended, following, agents, taker, files)
    claimed = claim(dialect, held(plain))
    step = select(plain).select_from(plain.join(claimed, true())).cte("step")
    bodies = [select(event.c.body).scalar_subquery() for event in told(step)]
    return select(done(plain), done(claimed), *bodies).add_cte(*writes(step))


STEP = Statement(_step)
"""Whether the step is plain, whether it was done, and the events that it tells: TaskCompleted, TaskDispatched."""
