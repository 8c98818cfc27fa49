"""Statements that go straight to the driver mean the same as SQLAlchemy's own, on both databases."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from libs.chassis.tests.example.tables import NOTE
from libs.chassis.tests.example.work import ExampleWork
from sqlalchemy import Integer, func, insert, select, update

from orchestra.chassis.database.statement import Copy, Statement, Write, given, insertion
from orchestra.chassis.database.tables import DEAD_LETTER, INBOX
from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Permanent

Example = Database[ExampleWork]

ADD = Write.into(INBOX, "subscription", "event_id", "at")
MOVE = Write(
    lambda v: update(INBOX).where(INBOX.c.event_id == v("event")).values(at=v("at"), subscription="moved"),
    {"event": INBOX.c.event_id.type, "at": INBOX.c.at.type},
)
MARKED = Statement(
    lambda dialect: (
        select(INBOX.c.event_id, INBOX.c.at)
        .where(INBOX.c.subscription.in_(("here", "moved")), dialect.among(INBOX.c.event_id, "ids"))
        .order_by(INBOX.c.event_id)
        .limit(given("limit", Integer))
    )
)
INSERT = Statement(lambda _: insert(INBOX).inline().values(insertion("subscription", "event_id", "at")))
COUNT = Statement(lambda _: select(func.count()).select_from(INBOX))
STORE = Write.into(NOTE, "text", "at", "content")
STORED = Statement(lambda _: select(NOTE.c.text, NOTE.c.content).order_by(NOTE.c.position))
ABROAD = datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))


def mark(event_id: str, **other: Any) -> dict[str, Any]:
    return {"subscription": "here", "event_id": event_id, "at": ABROAD, **other}


@pytest.mark.parametrize("ids", [[], ["a"], ["a", "c", "it's", "ü", "x"]])
async def test_a_list_is_one_value_however_long_it_is(database: Example, ids: list[str]) -> None:
    async with database.begin() as work:
        await work.execute(INSERT, [mark(each) for each in ("a", "b", "c", "it's", "ü")])
        rows = await work.fetch(MARKED, ids=ids, limit=10)

    assert [row[0] for row in rows] == sorted({"a", "c", "it's", "ü"} & set(ids))
    assert {row[1] for row in rows} <= {datetime(2030, 1, 1, 7, tzinfo=UTC)}


async def test_it_is_part_of_the_transaction_whichever_statement_comes_first(database: Example) -> None:
    async def fails(*, core_first: bool) -> None:
        async with database.begin() as work:
            if core_first:
                await work.note("a")
            await work.execute(INSERT, [mark("a")])
            if not core_first:
                await work.note("a")
            raise ZeroDivisionError

    for core_first in (True, False):
        with pytest.raises(ZeroDivisionError):
            await fails(core_first=core_first)

    async with database.read() as view:
        assert await view.fetch(COUNT) == [(0,)]
        assert (await view.connection.execute(select(NOTE))).all() == []


async def test_what_is_put_off_is_written_at_the_end_and_before_that_at_a_flush(database: Example) -> None:
    async with database.begin() as work:
        work.later(ADD, [mark("a"), mark("b")])
        assert await work.fetch(COUNT) == [(0,)]
        await work.flush()
        assert await work.fetch(COUNT) == [(2,)]
        work.later(MOVE, [{"event": "a", "at": ABROAD + timedelta(hours=1)}])
        work.later(ADD, [mark("c")])

    async with database.read() as view:
        rows = (await view.connection.execute(select(INBOX).order_by(INBOX.c.event_id))).all()
    assert [(row.subscription, row.event_id, row.at.hour) for row in rows] == [
        ("moved", "a", 8),
        ("here", "b", 7),
        ("here", "c", 7),
    ]


async def test_several_reads_at_once_return_what_each_returns_alone(database: Example) -> None:
    content: list[Any] = [{"a": [1, [2]]}, "ü"]
    async with database.begin() as work:
        await work.execute(INSERT, [mark(each) for each in ("c", "a", "b")])
        work.later(STORE, [{"text": str(n), "at": ABROAD, "content": content} for n in range(11)])
        await work.flush()

        values = {"ids": ["a", "b", "c"], "limit": 2}
        marked, stored, count = await work.fetch_all(MARKED, STORED, COUNT, **values)

        assert marked == await work.fetch(MARKED, **values)
        assert [row[0] for row in marked] == ["a", "b"]
        assert stored == await work.fetch(STORED) == [(str(n), content) for n in range(11)]
        assert count == [(3,)]
        assert await work.fetch_all(MARKED, ids=[], limit=1) == [[]]


async def test_a_value_that_is_too_long_is_refused_and_not_cut_off(database: Example) -> None:
    if database.dialect.single_writer:
        pytest.skip("SQLite has no lengths")
    with pytest.raises(Permanent):
        async with database.begin() as work:
            work.later(ADD, [mark("e" * 65)])


async def test_a_value_that_the_database_cannot_hold_is_permanent(database: Example) -> None:
    with pytest.raises(Permanent):
        async with database.begin() as work:
            await work.execute(INSERT, [mark("\ud800")])


async def test_a_mistake_in_a_statement_stays_a_bug(database: Example) -> None:
    wrong = Statement(lambda _: select(DEAD_LETTER.c.reason.label("r")).where(func.no_such_function() == given("x")))
    with pytest.raises(Exception, match="no_such_function"):
        async with database.begin() as work:
            await work.fetch(wrong, x="1")


async def test_documents_that_are_lists_stay_documents(database: Example) -> None:
    content: list[Any] = [{"a": [1, [2]]}, [], "ü"]
    async with database.begin() as work:
        work.later(STORE, [{"text": f"{n}", "at": ABROAD, "content": c} for n, c in enumerate((content, [], None))])

    async with database.read() as view:
        assert await view.fetch(STORED) == [("0", content), ("1", []), ("2", None)]


COPY = Copy(NOTE, "content", "at", "text")
NOTES = Statement(lambda _: select(NOTE.c.text, NOTE.c.at, NOTE.c.content, NOTE.c.trace_id).order_by(NOTE.c.position))


async def test_many_rows_are_copied_with_their_types_and_within_the_transaction(database: Example) -> None:
    rows = [('{"a": [1, "ü"]}' if n % 2 else None, ABROAD, f"{n}") for n in range(1000)]

    async def fails() -> None:
        async with database.begin() as work:
            await work.copy(COPY, rows)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    async with database.begin() as work:
        await work.note("first")
        await work.copy(COPY, iter(rows))
        await work.copy(COPY, [])

    async with database.read() as view:
        found = await view.fetch(NOTES)
    at = datetime(2030, 1, 1, 7, tzinfo=UTC)
    assert found[0][0] == "first"
    assert found[1:] == [(f"{n}", at, {"a": [1, "ü"]} if n % 2 else None, None) for n in range(1000)]


async def test_what_a_copy_cannot_hold_is_permanent_and_what_is_there_already_an_error(database: Example) -> None:
    with pytest.raises(Permanent):
        async with database.begin() as work:
            await work.copy(COPY, [(None, ABROAD, "\ud800")])
    if not database.dialect.single_writer:
        with pytest.raises(Permanent):
            async with database.begin() as work:
                await work.copy(COPY, [(None, ABROAD, "nul\0")])
    marks = Copy(INBOX, "subscription", "event_id", "at")
    with pytest.raises(Exception, match=r"(?i)unique"):
        async with database.begin() as work:
            await work.copy(marks, [("here", "a", ABROAD), ("here", "a", ABROAD)])
    async with database.read() as view:
        assert await view.fetch(COUNT) == [(0,)]
