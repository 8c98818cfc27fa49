"""Streams of which the newest part is kept: one behaviour, within a process and through Redis."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.private_servers import free_port
from tests.servers import Redis

from orchestra.chassis.loops import Loop
from orchestra.chassis.redis_streams import MOST_WAITING, RedisStreams
from orchestra.chassis.streams import KEPT, MOST_STREAMS, Chunk, LocalStreams, Streams
from orchestra.chassis.wakeups import LocalWakeups


@pytest.fixture(params=["local", "redis"])
async def streams(request: pytest.FixtureRequest) -> AsyncIterator[Streams]:
    if request.param == "local":
        yield LocalStreams()
        return
    server: Redis = request.getfixturevalue("redis")
    made = RedisStreams(server.url)
    sending = asyncio.create_task(Loop("streams out", made.send, every=0.05).run(LocalWakeups()))
    yield made
    sending.cancel()
    await made.close()


@pytest.fixture
def name() -> str:
    return f"test:{secrets.token_hex(8)}"


async def write(streams: Streams, name: str, *contents: bytes, place: int = 0) -> int:
    """The place where the last one ends; waits for room."""
    for content in contents:
        place += len(content)
        while not streams.append(name, Chunk(place, content)):
            await asyncio.sleep(0.01)
    return place


async def everything(streams: Streams, name: str, until: int, after: int = 0) -> list[Chunk]:
    """What is read from `after` up to the place `until`, however many answers that takes."""
    found: list[Chunk] = []
    async with asyncio.timeout(60):
        while after < until:
            for chunk in (await streams.read({name: after}, 1)).get(name, ()):
                found.append(chunk)
                after = chunk.end
    return found


async def test_what_was_appended_is_read_in_order_with_its_places(streams: Streams, name: str) -> None:
    end = await write(streams, name, b"one\n", b"\xff\x00two", b"three")

    found = await everything(streams, name, end)

    assert [(chunk.start, chunk.content) for chunk in found] == [(0, b"one\n"), (4, b"\xff\x00two"), (9, b"three")]
    streams.remove(name)


async def test_a_place_within_a_chunk_brings_that_chunk_again_and_none_before_it(streams: Streams, name: str) -> None:
    end = await write(streams, name, b"aaaa", b"bbbb", b"cccc")

    assert [c.content for c in await everything(streams, name, end, after=4)] == [b"bbbb", b"cccc"]
    assert [c.content for c in await everything(streams, name, end, after=6)] == [b"bbbb", b"cccc"]
    assert await streams.read({name: end}, 0.05) == {}
    streams.remove(name)


async def test_who_waits_gets_what_comes_and_of_which_name(streams: Streams, name: str) -> None:
    other = f"{name}:other"
    waiting = asyncio.create_task(streams.read({name: 0, other: 0}, 60))
    await asyncio.sleep(0)

    await write(streams, other, b"here")

    assert await asyncio.wait_for(waiting, 30) == {other: [Chunk(4, b"here")]}
    streams.remove(other)


async def test_only_the_newest_part_is_kept_and_a_reader_sees_by_the_places_what_is_missing(
    streams: Streams, name: str
) -> None:
    contents = [bytes([n]) * 16_000 for n in range(60)]
    end = await write(streams, name, *contents)
    await everything(streams, name, end, after=end - 1)  # all of it has arrived

    found = await everything(streams, name, end)

    assert found[0].start > 0
    assert b"".join(chunk.content for chunk in found) == b"".join(contents)[found[0].start :]
    assert KEPT - 16_000 <= sum(len(chunk.content) for chunk in found) <= KEPT + 16_000
    streams.remove(name)


async def test_a_chunk_that_is_not_behind_the_last_one_is_left_out(streams: Streams, name: str) -> None:
    await write(streams, name, b"abc")
    await write(streams, name, b"xyz")
    end = await write(streams, name, b"def", place=3)

    assert [c.content for c in await everything(streams, name, end)] == [b"abc", b"def"]
    streams.remove(name)


async def test_a_removed_stream_is_empty(streams: Streams, name: str) -> None:
    await everything(streams, name, await write(streams, name, b"abc"))

    streams.remove(name)

    async with asyncio.timeout(60):
        while await streams.read({name: 0}, 0.05):
            await asyncio.sleep(0.01)


async def test_without_redis_nobody_waits_and_nothing_grows() -> None:
    streams = RedisStreams(f"redis://127.0.0.1:{free_port()}/0")

    taken = [streams.append("a", Chunk(n + 1, b"x")) for n in range(1000)]

    assert taken.count(True) == MOST_WAITING
    assert not await streams.send()  # dropped; its loop goes on a moment later
    assert streams.append("a", Chunk(2000, b"x"))
    assert await streams.read({"a": 0}, 0.05) == {}
    await streams.close()


async def test_one_process_keeps_so_many_streams_and_drops_the_quietest() -> None:
    streams = LocalStreams()
    for n in range(MOST_STREAMS):
        streams.append(f"s{n}", Chunk(1, b"x"))
    streams.append("s0", Chunk(2, b"y"))

    streams.append("one more", Chunk(1, b"x"))

    names = [f"s{n}" for n in range(MOST_STREAMS)]
    assert set(await streams.read(dict.fromkeys(names, 0), 0)) == {*names} - {"s1"}


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(1, 90_000), max_size=12), place=st.integers(0, 400_000))
def test_what_is_kept_ends_at_the_end_has_no_hole_and_is_bounded(sizes: list[int], place: int) -> None:
    async def run() -> None:
        streams, end = LocalStreams(), 0
        for size in sizes:
            end += size
            streams.append("s", Chunk(end, bytes(size)))

        found = (await streams.read({"s": place}, 0)).get("s", ())

        assert [chunk.end for chunk in found[:-1]] == [chunk.start for chunk in found[1:]]
        assert all(chunk.end > place for chunk in found)
        assert bool(found) == (place < end)
        if found:
            assert found[-1].end == end
            assert sum(len(chunk.content) for chunk in found) <= max(KEPT, sizes[-1])

    asyncio.run(run())
