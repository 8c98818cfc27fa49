"""Facts of a plain step as PostgreSQL writes them: the same JSON as that of their models."""

from typing import Any

from sqlalchemy import (
    CTE,
    BindParameter,
    ColumnElement,
    String,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from orchestra.chassis.database.statement import given
from orchestra.chassis.database.types import Json
from orchestra.scheduler.adapters.tables import DEPENDENCY, TASK

WORKSPACE, PROJECT_ID = given("workspace", String()), given("project", String())
ATTEMPT, OUTPUTS = given("attempt", String()), given("outputs", Json)
"""The attempt that has ended, and what it has left."""

VERSION: ColumnElement[Any] = literal_column("project.xmin", String())
"""Which version of its row a project is in."""

_AT = given("stamp", Text())
"""Now, as JSON has it."""


def _object(**fields: Any) -> ColumnElement[Any]:
    return func.jsonb_build_object(*(each for name, value in fields.items() for each in (_word(name), value)))


def _word(text: str) -> ColumnElement[str]:
    return literal_column(f"'{text}'::text", Text())


def _json(text: str) -> ColumnElement[Any]:
    return literal_column(f"'{text}'::jsonb", JSONB())


def change(moves: CTE) -> ColumnElement[Any]:
    """A TaskChange."""
    return _object(
        task_id=moves.c.id,
        key=moves.c.key,
        title=moves.c.title,
        before=moves.c.before,
        after=moves.c.after,
        cause=moves.c.cause,
        attempt=moves.c.attempts,
        assignee=moves.c.member,
        paused=False,
        at=_AT,
    )


def completed(step: CTE) -> ColumnElement[Any]:
    """A TaskCompleted; its outputs are given as they stand in it."""
    return _object(
        **_whose(),
        task_id=step.c.id,
        plan_id=step.c.plan_id,
        run_id=step.c.run_id,
        key=step.c.key,
        covers=step.c.covers,
        outputs=cast(given("completed_outputs", Text()), JSONB()),
        at=_AT,
    )


def dispatched(step: CTE) -> ColumnElement[Any]:
    """A TaskDispatched."""
    return _object(
        **_whose(),
        run_id=step.c.run_id,
        task_id=step.c.next_id,
        attempt_id=given("next_attempt", String()),
        number=step.c.next_attempts + 1,
        token=step.c.next_token + 1,
        key=step.c.next_key,
        title=step.c.next_title,
        command=step.c.next_command,
        handed_on=step.c.files,
        left_out=0,
        dry_run=step.c.dry_run,
        mutexes=_json("{}"),
        guidance=_json("[]"),
        at=_AT,
    )


def _whose() -> dict[str, Any]:
    return {"workspace_id": WORKSPACE, "project_id": PROJECT_ID, "sequence": 1}


def envelope(name: str, fact: ColumnElement[Any], trace: ColumnElement[str] | None = None) -> ColumnElement[str]:
    """The event's text: what is given as `{name}_head`, its trace where that is not in there, and the fact."""
    traced = () if trace is None else (_word(',"traceparent":"') + trace + _word('"'),)
    # `concat` takes what is NULL for nothing.
    return func.concat(given(f"{name}_head", Text()), *traced, _word(',"data":'), cast(fact, Text()), _word("}"))


def handed_on(following: CTE, ended: BindParameter[str], outputs: Any, *, most: int, names: int) -> CTE:
    """`listed`: what the task that follows is given by those before it, the ended one among them, in their order;
    `few`: no path is given twice, and they are few enough to be named in any event."""
    produced = case((TASK.c.id == ended, outputs), else_=TASK.c.outputs)
    each = func.jsonb_array_elements(produced).table_valued(
        column("value", JSONB()), with_ordinality="place", name="produced"
    )
    each = each.render_derived()
    path, sha256 = (each.c.value.op("->>")(_word(name)) for name in ("path", "sha256"))
    rows = (
        select(path.label("path"), sha256.label("sha256"), TASK.c.position, each.c.place)
        .select_from(following)
        .join(DEPENDENCY, DEPENDENCY.c.successor == following.c.id)
        .join(TASK, TASK.c.id == DEPENDENCY.c.predecessor)
        .join(each, true())
        .where(DEPENDENCY.c.kind == "FS")
        .subquery("produced_before")
    )
    few = and_(
        func.count() <= most,
        func.count(rows.c.path.distinct()) == func.count(),
        func.coalesce(func.sum(func.octet_length(rows.c.path)), 0) <= names,
    )
    file = aggregate_order_by(_object(path=rows.c.path, sha256=rows.c.sha256), rows.c.position, rows.c.place)
    listed = func.coalesce(func.jsonb_agg(file), _json("[]"))
    return select(listed.label("listed"), few.label("few")).cte("files")
