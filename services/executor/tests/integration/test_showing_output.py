"""What a command prints is shown while it runs, within bounds, and its log is whole whatever becomes of that."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest
from services.executor.tests.dispatches import dispatched, python
from services.executor.tests.integration.harness import Executor, until

from orchestra.chassis.streams import KEPT, Chunk, LocalStreams
from orchestra.contracts.execution import AttemptFailed, AttemptSucceeded
from orchestra.contracts.output import output_of
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.application.show_output import LARGEST, show_output

SECRET = "canary-5e0f7c1d"
LINE = b"x" * 1023 + b"\n"


class Watched(LocalStreams):
    """Remembers what went through it; takes nothing while it is `away`."""

    def __init__(self, *, away: bool = False) -> None:
        super().__init__()
        self.away = away
        self.chunks: list[Chunk] = []
        self.refused = 0

    def append(self, name: str, chunk: Chunk) -> bool:
        if self.away:
            self.refused += 1
            return False
        self.chunks.append(chunk)
        return super().append(name, chunk)

    async def kept(self, name: str) -> bytes:
        found: Mapping[str, Sequence[Chunk]] = await self.read({name: 0}, 0)
        return b"".join(chunk.content for chunk in found.get(name, ()))


@pytest.fixture
async def executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Executor]:
    monkeypatch.setenv("ORCHESTRA_CANARY", SECRET)
    made = Executor(f"sqlite+aiosqlite:///{tmp_path}/executor.db", tmp_path)
    made.running.room.streams = Watched()
    async with made.at_work() as running:
        yield running
    assert running.leftovers() == []


def streams_of(executor: Executor) -> Watched:
    streams = executor.running.room.streams
    assert isinstance(streams, Watched)
    return streams


async def log_of(executor: Executor, event: TaskDispatched, offset: int = 0) -> bytes:
    async with executor.client() as client:
        answer = await client.get(f"/attempts/{event.attempt_id}/log", params={"offset": offset})
    assert answer.status_code == 200, answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    return answer.content


async def test_what_a_command_prints_is_shown_while_it_runs_and_gone_when_it_has_ended(executor: Executor) -> None:
    streams = streams_of(executor)
    code = "import sys, time; print('out', flush=True); print('err', file=sys.stderr, flush=True); time.sleep(100)"
    event = dispatched(python(code))
    name = output_of(event.workspace_id, event.attempt_id)
    await executor.dispatch(event)

    async def shown() -> bool:
        return await streams.kept(name) == b"out\nerr\n"

    await until(shown, 60)
    await executor.withdraw(event)
    outcome = await executor.outcome(event)

    assert isinstance(outcome, AttemptFailed)
    assert outcome.failure == "cancelled"
    assert await streams.kept(name) == b""
    assert await log_of(executor, event) == b"out\nerr\n"
    assert await log_of(executor, event, offset=4) == b"err\n"
    assert await log_of(executor, event, offset=1000) == b""


async def test_ten_megabytes_are_whole_in_the_log_and_bounded_on_the_way(executor: Executor) -> None:
    streams = streams_of(executor)
    code = f"import sys\nfor _ in range(10 * 1024): sys.stdout.buffer.write({LINE!r})"
    event = dispatched(python(code))
    await executor.dispatch(event)
    outcome = await executor.outcome(event)

    assert isinstance(outcome, AttemptSucceeded)
    assert await log_of(executor, event) == LINE * 10 * 1024
    assert all(len(chunk.content) <= LARGEST for chunk in streams.chunks)
    assert all(before.end <= after.start for before, after in zip(streams.chunks, streams.chunks[1:], strict=False))


async def test_a_command_does_not_notice_that_nobody_takes_what_it_prints(executor: Executor) -> None:
    streams = streams_of(executor)
    streams.away = True
    code = (
        "import os, sys, time\n"
        f"for _ in range(1024): sys.stdout.buffer.write({LINE!r})\n"
        "sys.stdout.flush(); open('printed', 'w').close()\n"
        "while not os.path.exists('go'): time.sleep(0.01)"
    )
    event = dispatched(python(code))
    await executor.dispatch(event)
    await executor.is_started(event, "printed")

    async def refused() -> bool:
        return streams.refused > 1

    await until(refused, 60)
    [printed] = executor.settings.workspaces_dir.glob(f"**/{event.attempt_id}*/printed")
    printed.with_name("go").touch()
    outcome = await executor.outcome(event)

    assert isinstance(outcome, AttemptSucceeded)
    assert await log_of(executor, event) == LINE * 1024


async def test_nothing_of_the_executors_environment_is_shown(executor: Executor) -> None:
    streams = streams_of(executor)
    code = (
        "import glob, os, time\n"
        "print(dict(os.environ))\n"
        "for path in glob.glob('/proc/[0-9]*/environ'):\n"
        "    try: print(open(path, 'rb').read())\n"
        "    except OSError: pass\n"
        "print('seen', flush=True); time.sleep(100)"
    )
    event = dispatched(python(code))
    await executor.dispatch(event)
    name = output_of(event.workspace_id, event.attempt_id)

    async def all_shown() -> bool:
        return (await streams.kept(name)).endswith(b"seen\n")

    await until(all_shown, 60)
    shown = await streams.kept(name)
    await executor.withdraw(event)
    await executor.outcome(event)

    assert b"HOME" in shown
    for text in (shown, await log_of(executor, event)):
        assert SECRET.encode() not in text


async def test_who_prints_too_fast_is_followed_by_leaps_and_near_to_the_end(tmp_path: Path) -> None:
    log, streams = tmp_path / "log", Watched()
    log.write_bytes(bytes(4 * KEPT))
    showing = asyncio.create_task(show_output(log, streams, "s"))

    async def caught_up() -> bool:
        return bool(streams.chunks) and streams.chunks[-1].end == log.stat().st_size

    await until(caught_up)
    with log.open("ab") as file:
        file.write(b"and on")
    await until(caught_up)
    showing.cancel()

    assert [(chunk.start, chunk.end) for chunk in streams.chunks] == [
        (0, LARGEST),
        (4 * KEPT - LARGEST, 4 * KEPT),
        (4 * KEPT, 4 * KEPT + 6),
    ]
