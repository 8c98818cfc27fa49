"""Parts of a statement that handles a delivery as a transaction by itself: its claim in the inbox, its outbox rows.

A delivery that can be handled so costs one exchange with the database instead of BEGIN, a claim, what the handler
asks and writes, and COMMIT. All parts of such a statement see the database as it was before it, and its own parts not
at all: what one part decides goes on to the others as rows.
"""

from typing import Any

from sqlalchemy import CTE, FromClause, Insert, String, Text, exists, insert, literal, select

from orchestra.chassis.database.engine import Dialect
from orchestra.chassis.database.statement import given
from orchestra.chassis.database.tables import INBOX, OUTBOX
from orchestra.chassis.database.types import Instant

_STORED = ("event_id", "kind", "body", "created_at", "due_at", "claim", "claimed_until")

NOW = given("now", Instant)

NEW = ~exists().where(
    INBOX.c.subscription == given("subscription", String()), INBOX.c.event_id == given("event_id", String())
)
"""The event was not handled yet."""


def claim(dialect: Dialect, source: FromClause) -> CTE:
    """The mark of the event, once for the one row of `source`; a row where it is this statement's."""
    mark = select(given("subscription", String()), given("event_id", String()), NOW).select_from(source)
    marked = dialect.insert(INBOX).from_select(["subscription", "event_id", "at"], mark).on_conflict_do_nothing()
    return marked.returning(INBOX.c.event_id).cte("claim")


def store(source: FromClause, name: str, *where: Any, body: Any = None) -> Insert:
    """An event into the outbox for each row of `source`: its id and kind are given as `{name}_id` and `{name}_kind`,
    its body too where no expression is. With `UnitOfWork.claimed`."""
    row = select(
        given(f"{name}_id", String()),
        given(f"{name}_kind", String()),
        given(f"{name}_body", Text()) if body is None else body,
        NOW,
        NOW,
        given("claim", String()),
        given("claimed_until", Instant),
    )
    return insert(OUTBOX).inline().from_select(list(_STORED), row.select_from(source).where(*where))


def done(rows: CTE) -> Any:
    """Whether it has rows."""
    return exists(select(literal(1)).select_from(rows))
