"""The example as a whole service: it takes notes over HTTP and hears of them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request, Response
from libs.chassis.tests.example.events import NoteTaken, note
from libs.chassis.tests.example.tables import NOTE, metadata
from libs.chassis.tests.example.work import ExampleWork
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, update

from orchestra.chassis.http.commands import CurrentCommand
from orchestra.chassis.http.etags import CurrentReader, DemandedMatch
from orchestra.chassis.http.identity import Caller, CurrentCaller
from orchestra.chassis.http.problems import Fault
from orchestra.chassis.http.views import CurrentCursor, CurrentView, Page
from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.chassis.service import Service
from orchestra.chassis.settings import ServiceSettings

subscriptions = Subscriptions("example")
router = APIRouter()


class NoteRefused(Exception):
    """This cannot be noted."""

    code = "note-refused"
    rule = "BR-7"


class NotesUnlike(NoteRefused):
    code = "notes-unlike"

    def __init__(self, *faults: Fault) -> None:
        super().__init__("two notes differ")
        self.faults = faults


class Author(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1)]


class NoteRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    authors: list[Author] = []


@dataclass
class Note:
    position: int
    text: str


@subscriptions.on(NoteTaken)
async def note_taken(event: NoteTaken, work: ExampleWork) -> None:
    await work.note(f"heard: {event.text}")


@router.post("/notes")
async def take(request: NoteRequest, command: CurrentCommand) -> Response:
    async def effect(work: ExampleWork) -> Note:
        await work.note(request.text)
        if request.text == "refuse":
            raise NoteRefused
        if request.text == "faults":
            raise NotesUnlike(Fault(pointer="/notes/0", code="unlike", detail="is not the other"))
        if request.text == "bug":
            raise RuntimeError("a secret detail")
        work.publish(note(request.text))
        newest = select(NOTE).order_by(NOTE.c.position.desc()).limit(1)
        row = (await work.connection.execute(newest)).one()
        return Note(row.position, row.text)

    return await command.run(effect, status=201, location=lambda made: f"/notes/{made.position}")


@router.get("/notes/{position}", response_model=Note)
async def get_note(position: int, caller: CurrentCaller, view: CurrentView, reader: CurrentReader) -> Response:
    return reader.answer(await _note(view, position))


@router.put("/notes/{position}", response_model=Note)
async def edit(position: int, request: NoteRequest, command: CurrentCommand, match: DemandedMatch) -> Response:
    async def effect(work: ExampleWork) -> Note:
        row = NOTE.c.position == position
        await work.connection.execute(update(NOTE).where(row).values(text=NOTE.c.text))  # holds it
        match.check(await _note(work, position))
        await work.connection.execute(update(NOTE).where(row).values(text=request.text))
        return await _note(work, position)

    return await command.run(effect, tagged=True)


async def _note(work: ExampleWork, position: int) -> Note:
    row = (await work.connection.execute(select(NOTE).where(NOTE.c.position == position))).one()
    return Note(row.position, row.text)


@router.delete("/notes")
async def forget(command: CurrentCommand) -> Response:
    async def effect(work: ExampleWork) -> None:
        await work.connection.execute(NOTE.delete())

    return await command.run(effect, status=204)


@router.get("/notes")
async def list_notes(caller: CurrentCaller, view: CurrentView, cursor: CurrentCursor) -> Page[Note]:
    query = select(NOTE).order_by(NOTE.c.position).limit(cursor.limit + 1)
    if cursor.after is not None:
        query = query.where(NOTE.c.position > int(cursor.after))
    rows = await view.connection.execute(query)
    return cursor.page([Note(row.position, row.text) for row in rows], "position")


@router.get("/caller")
async def caller(caller: CurrentCaller) -> Caller:
    return caller


@router.put("/streams/{name}")
async def stream(name: str, request: Request) -> int:
    return sum([len(chunk) async for chunk in request.stream()])


service = Service(
    name="example",
    settings=ServiceSettings,
    work=ExampleWork,
    metadata=metadata,
    migrations="libs.chassis.tests.example.migrations",
    subscriptions=subscriptions,
    routers=[router],
    refusals={NoteRefused: 409},
    bindings={"example": ("note.taken.v1",)},
    streamed=("/streams/",),
)
