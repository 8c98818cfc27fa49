"""A dispatch that comes alone: claimed, looked up, accepted and answered by one statement."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Executable, Integer, String, Text, exists, func, literal, select

from orchestra.chassis.database.at_once import NEW, claim, done, store
from orchestra.chassis.database.engine import Dialect
from orchestra.chassis.database.statement import Statement, given
from orchestra.chassis.messaging.message import Outgoing
from orchestra.executor.adapters.tables import ARTIFACT, ATTEMPT, ENDED_RUN

if TYPE_CHECKING:
    from orchestra.executor.adapters.work import ExecutorWork

_COLUMNS = [column for column in ATTEMPT.c if not column.name.startswith("lease_")]
_NOTHING = {"told_id": None, "told_kind": None, "told_body": None}


def _accept(dialect: Dialect) -> Executable:
    unknown = ~exists().where(ATTEMPT.c.id == given("id", String()))
    going = ~exists().where(ENDED_RUN.c.run_id == given("run_id", String()))
    known = select(func.count()).where(
        ARTIFACT.c.workspace_id == given("workspace_id", String()), dialect.among(ARTIFACT.c.sha256, "contents")
    )
    plain = select(literal(1)).where(NEW, unknown, going, known.scalar_subquery() == given("count", Integer))
    claimed = claim(dialect, plain.cte("plain"))
    values = [given(column.name, _unbound(column.type)) for column in _COLUMNS]
    made = dialect.insert(ATTEMPT).from_select(
        [column.name for column in _COLUMNS], select(*values).select_from(claimed)
    )
    made = made.on_conflict_do_nothing().returning(ATTEMPT.c.id).cte("made")
    told = store(made, "told", given("told_id", String()).is_not(None)).cte("told")
    return select(done(claimed), done(made)).add_cte(told)


def _unbound(of: Any) -> Any:
    # A cast to VARCHAR(n) would cut a value off where an insertion refuses it.
    return Text() if isinstance(of, String) else of


_ACCEPT = Statement(_accept)


async def accept(work: "ExecutorWork", row: Mapping[str, Any], contents: Sequence[str] = ()) -> bool:
    """Write this row, and what is published, unless the dispatch is known or kept away, or some of the contents are
    not known to its workspace: then nothing is done."""
    [envelope] = work.delivery
    told = [Outgoing(each.id, each.kind, each.to_json()) for each in work.published]
    claimed = work.claimed(len(told))
    outgoing = _NOTHING
    for out in told:
        outgoing = {"told_id": out.event_id, "told_kind": out.kind, "told_body": out.body}
    [(handled, made)] = await work.fetch(
        _ACCEPT,
        subscription=f"executor:{envelope.kind}",
        event_id=envelope.id,
        now=work.now,
        claim=claimed["claim"],
        claimed_until=claimed["claimed_until"],
        contents=contents,
        count=len(contents),
        **row,
        **outgoing,
    )
    if made and told:
        work.stored(told, claimed)
    return handled
