"""The example's events, and envelopes around them."""

from datetime import UTC, datetime

from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.message import Envelope, wrap
from orchestra.contracts.event import Event, PartedEvent

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


class NoteTaken(Event, kind="note.taken.v1", subject="note_id"):
    note_id: str
    text: str


class BookWritten(PartedEvent, kind="book.written.v1", subject="book_id"):
    book_id: str
    text: str


def note(text: str, sequence: int = 0, note_id: str = "not_1") -> NoteTaken:
    return NoteTaken(workspace_id="wsp_1", project_id="prj_1", note_id=note_id, text=text, sequence=sequence)


def page(part: int, of: int, book: str = "bok_1") -> BookWritten:
    return BookWritten(workspace_id="wsp_1", project_id="prj_1", book_id=book, text=f"page {part}", part=part, parts=of)


def envelope(event: Event, traceparent: str | None = None) -> Envelope:
    return wrap(event, event_id=new_id("evt"), source="/test", time=AT, traceparent=traceparent)
