"""Reading what commands print: each byte once and in order, whatever comes twice, late or not at all."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.gateway.tests.harness import Holder

from orchestra.chassis.errors import Unavailable
from orchestra.chassis.streams import Chunk, LocalStreams
from orchestra.contracts.output import output_of
from orchestra.gateway.application import follow_run
from orchestra.gateway.application.follow_attempt import Attempt, Ended, Follower, Told, follow_attempt
from orchestra.gateway.application.follow_run import RunOutput
from orchestra.gateway.domain.errors import InvalidPlace
from orchestra.gateway.domain.feed import FeedItem
from orchestra.gateway.domain.output import Gap, Piece, Reading, RunPlace

TEXT = st.text(alphabet="aé€😀\n", max_size=60)


@given(content=st.one_of(TEXT.map(str.encode), st.binary(max_size=60)), cuts=st.lists(st.integers(0, 60), max_size=8))
def test_however_a_log_is_cut_its_pieces_are_the_whole(content: bytes, cuts: list[int]) -> None:
    reading, pieces = Reading(), list[Piece | Gap]()
    places = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    for n, start in enumerate(places[:-1]):
        again = places[max(0, n - 1)]  # each chunk brings the one before it once more
        pieces += reading.take(again, content[again : places[n + 1]])
        del start
    pieces += reading.finish()

    texts = [piece for piece in pieces if isinstance(piece, Piece)]
    assert texts == pieces
    assert "".join(piece.text for piece in texts) == content.decode(errors="replace")
    assert [piece.start for piece in texts[1:]] == [piece.end for piece in texts[:-1]]
    assert reading.place == len(content)


@given(content=TEXT.map(str.encode), sizes=st.lists(st.tuples(st.integers(1, 20), st.booleans()), max_size=10))
def test_what_is_missing_is_told_by_its_places(content: bytes, sizes: list[tuple[int, bool]]) -> None:
    reading, parts, place = Reading(), list[Piece | Gap](), 0
    for size, arrives in sizes:
        chunk = content[place : place + size]
        if arrives:
            parts += reading.take(place, chunk)
        place += len(chunk)
    parts += [*reading.take(place, content[place:]), *reading.finish()]

    assert [part.start for part in parts[1:]] == [part.end for part in parts[:-1]]
    for part in parts:
        if isinstance(part, Piece):
            assert part.text == content[part.start : part.end].decode(errors="replace")


@given(
    sequence=st.integers(0, 10**9),
    index=st.integers(0, 400),
    reading=st.dictionaries(st.from_regex(r"att_[0-9a-f]{8}", fullmatch=True), st.integers(0, 10**9), max_size=5),
)
def test_a_place_in_a_run_survives_its_text(sequence: int, index: int, reading: dict[str, int]) -> None:
    place = RunPlace(sequence, index, reading)

    assert RunPlace.parse(str(place)) == place


@pytest.mark.parametrize("text", ["", "1", "1.2;", "1.-2", "1.2;att=", "1.2;a b=3", "1.2\n", "9" * 17 + ".1"])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidPlace):
        RunPlace.parse(text)


@dataclass
class World:
    """A run as the other services know it: it goes on a step whenever somebody looks."""

    logs: dict[str, bytes]
    """What each attempt prints in all; the attempt `a1` is the first one of the task `a`."""
    steps: list[str]
    """Attempts in the order in which they begin (first time) and end (second time)."""
    away: set[int] = field(default_factory=set[int])
    """The calls that no service answers, by their numbers."""
    streams: LocalStreams = field(default_factory=LocalStreams)
    feed: list[FeedItem] = field(default_factory=list[FeedItem])
    attempts_known: dict[str, Attempt] = field(default_factory=dict[str, Attempt])
    status: str = "running"
    calls: int = 0

    def step(self) -> None:
        if not self.steps:
            if self.status != "finished":
                self.status = "finished"
                self._add("run.changed.v1", {"status": "finished"})
            return
        name = self.steps.pop(0)
        log, known = self.logs[name], self.attempts_known.get(name)
        if known is None:
            self.attempts_known[name] = Attempt(name, name[0], int(name[1:]), "running", ended=False, log_bytes=0)
            self._tell(name, "ready", "queued", int(name[1:]) - 1)
            half = len(log) // 2
            if half:
                self.streams.append(output_of("wsp_1", name), Chunk(half, log[:half]))
        else:
            self.streams.remove(output_of("wsp_1", name))
            self.attempts_known[name] = replace(known, status="succeeded", ended=True, log_bytes=len(log))
            self._tell(name, "running", "done", int(name[1:]))

    def _tell(self, name: str, before: str, after: str, attempt: int) -> None:
        change = {"task_id": name[0], "before": before, "after": after, "attempt": attempt}
        self._add("tasks.changed.v1", {"changes": [change]})

    def _add(self, kind: str, content: dict[str, Any]) -> None:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        self.feed.append(FeedItem(len(self.feed) + 1, kind, at, "prj_1", "run_1", content))

    def _called(self) -> None:
        self.calls += 1
        if self.calls in self.away:
            raise Unavailable("away")

    async def attempt(self, requester: Any, attempt_id: str) -> Attempt | None:
        self._called()
        return self.attempts_known.get(attempt_id)

    async def attempts(self, requester: Any, run_id: str, task_id: str | None = None) -> Sequence[Attempt]:
        self._called()
        known = sorted(self.attempts_known.values(), key=lambda attempt: attempt.id)
        return [attempt for attempt in known if task_id in (None, attempt.task_id)]

    async def log(self, requester: Any, attempt_id: str, offset: int) -> AsyncIterator[bytes]:
        for start in range(offset, len(self.logs[attempt_id]), 5):
            self._called()
            yield self.logs[attempt_id][start : start + 5]

    async def run_status(self, requester: Any, run_id: str) -> Any:
        self._called()
        return self.status

    async def after(self, sequence: int) -> Sequence[FeedItem]:
        self._called()
        return self.feed[sequence : sequence + 2]

    async def news(self) -> None:
        await asyncio.sleep(0)
        self.step()

    def follower(self) -> Follower:
        async def go_on() -> bool:
            return True

        outputs: Any = self
        return Follower(Holder("wsp_1"), outputs, self.streams, go_on)


async def follow(world: World, most: int, place: str) -> tuple[list[Told], str, bool]:
    """One connection of so many events: what it brought, where it came to, whether it saw the end."""
    found: list[Told] = []
    feed: Any = world
    output = RunOutput(world.follower(), feed, "run_1", RunPlace.parse(place) if place else RunPlace())
    async with aclosing(output.parts()) as parts:
        async for part in parts:
            place = str(output.place)
            if isinstance(part, Ended):
                return found, place, True
            found.append(part)
            if len(found) == most:
                break
    return found, place, False


@st.composite
def worlds(draw: st.DrawFn) -> World:
    names = draw(st.lists(st.from_regex(r"[abc][12]", fullmatch=True), unique=True, min_size=1))
    names = [name for name in names if name.endswith("1") or name[0] + "1" in names]
    left = sorted(names * 2, key=lambda name: name[1])
    steps: list[str] = []
    while left:  # a task's second attempt begins when its first has ended
        able = sorted({n for n in left if n[1] == "1" or left.count(n[0] + "1") == 0})
        steps.append(draw(st.sampled_from(able)))
        left.remove(steps[-1])
    logs = {name: draw(TEXT).encode() for name in names}
    return World(logs, steps, away=draw(st.sets(st.integers(1, 100), max_size=15)))


@settings(max_examples=60, deadline=None)
@given(world=worlds(), lengths=st.lists(st.integers(1, 4), max_size=6))
def test_across_connections_each_attempt_is_told_whole_and_once(world: World, lengths: list[int]) -> None:
    world_logs, follow_run.LOOK = dict(world.logs), 0.0

    async def run() -> list[Told]:
        found: list[Told] = []
        place, ended = "", False
        for most in [*lengths, 10**9]:
            some, place, ended = await follow(world, most, place)
            found += some
            if ended:
                break
        assert ended
        return found

    found = asyncio.run(run())

    for name, log in world_logs.items():
        parts = [told.part for told in found if told.attempt.id == name]
        assert "".join(part.text for part in parts if isinstance(part, Piece)) == log.decode()
        assert all(isinstance(part, Piece) for part in parts)


async def test_an_attempt_whose_stream_has_lost_its_beginning_tells_the_gap_and_goes_on() -> None:
    world = World({"a1": b"0123456789"}, ["a1"])
    world.step()
    world.streams.remove(output_of("wsp_1", "a1"))
    world.streams.append(output_of("wsp_1", "a1"), Chunk(6, b"45"))
    found: list[Told | Ended] = []
    async for told in follow_attempt(world.follower(), world.attempts_known["a1"], 0):
        found.append(told)
        if isinstance(told, Told) and told.part.end == 6:
            world.steps.append("a1")
            world.step()

    parts = [told.part for told in found if isinstance(told, Told)]
    assert parts == [Gap(0, 4), Piece(4, 6, "45"), Piece(6, 10, "6789")] or parts == [
        Gap(0, 4),
        Piece(4, 6, "45"),
        Piece(6, 7, "6"),
        Piece(7, 10, "789"),
    ]
    assert found[-1] == Ended("succeeded")


async def test_a_run_that_is_over_waits_for_the_ends_that_the_feed_has_not_heard_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World({"a1": b"all of it"}, ["a1", "a1"], status="finished")
    world.step()
    world.step()
    late = world.feed.pop()

    async def the_end_comes() -> None:
        await asyncio.sleep(0.01)
        if late not in world.feed:
            world.feed.append(late)

    monkeypatch.setattr(world, "news", the_end_comes)

    found, _, ended = await follow(world, 100, "")

    assert ended
    assert "".join(told.part.text for told in found if isinstance(told.part, Piece)) == "all of it"
