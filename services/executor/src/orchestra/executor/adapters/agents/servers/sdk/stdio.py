"""A server as a process: asked over its standard input, with no environment but what it is given.

The library's own way hands on parts of our environment and takes lines of any length, so the process is ours to run.
It is the operator's trusted code, outside the sandbox. It ends with its connection: its input is closed, and what has
not ended then is ended, with all that it started in its group.
"""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from orchestra.chassis.telemetry.logging import logger
from orchestra.executor.adapters.agents.servers.access import Access, ServerFault

MOST_LINE = 4 * 2**20
"""Bytes of a message."""
MOST_SAID = 2_000
"""Characters of what it says on its standard error, for our log."""
GRACE_S = 2.0

log = logger("tool servers")

Sent = SessionMessage | Exception


@asynccontextmanager
async def process_of(
    access: Access,
) -> AsyncGenerator[tuple[MemoryObjectReceiveStream[Sent], MemoryObjectSendStream[SessionMessage]]]:
    """Messages of it, and to it. Raises ServerFault where it cannot be started."""
    try:
        process = await asyncio.create_subprocess_exec(
            *access.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(access.environment),
            cwd=access.folder,
            start_new_session=True,
            limit=MOST_LINE,
        )
    except (OSError, ValueError) as error:
        raise ServerFault(f"its program cannot be started ({type(error).__name__})") from error
    try:
        told, from_it = anyio.create_memory_object_stream[Sent](0)
        to_it, taken = anyio.create_memory_object_stream[SessionMessage](0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_read, process, told)
            tasks.start_soon(_write, process, taken)
            tasks.start_soon(_hear, process, access.name)
            try:
                yield from_it, to_it
            finally:
                tasks.cancel_scope.cancel()
                for stream in (told, from_it, to_it, taken):
                    stream.close()
    finally:
        await _end(process)


async def _read(process: asyncio.subprocess.Process, told: MemoryObjectSendStream[Sent]) -> None:
    assert process.stdout is not None
    async with told:  # once it is closed, whoever waits for an answer hears that there is none
        with suppress(ValueError, anyio.BrokenResourceError, anyio.ClosedResourceError):  # the first: a line too long
            while line := await process.stdout.readline():
                await told.send(_message(line))


def _message(line: bytes) -> Sent:
    try:
        return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        return ValueError("it sent what is no message")


async def _write(process: asyncio.subprocess.Process, taken: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None
    with suppress(OSError):  # it has ended, which reading tells
        async for message in taken:
            text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(text.encode() + b"\n")
            await process.stdin.drain()


async def _hear(process: asyncio.subprocess.Process, name: str) -> None:
    """What it says beside its messages is for the operator alone."""
    assert process.stderr is not None
    left = MOST_SAID
    while said := await process.stderr.read(4_096):
        if left > 0:
            log.info("a tool server says", server=name, text=said.decode(errors="replace")[:left])
            left -= len(said)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Not to be interrupted: a process that nobody waits for would stay."""
    ending = asyncio.ensure_future(_end_now(process))
    try:
        await asyncio.shield(ending)
    except asyncio.CancelledError:
        await asyncio.wait([ending])
        raise


async def _end_now(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    for step in (None, signal.SIGTERM, signal.SIGKILL):
        if step is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, step)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                while process.returncode is None:  # waiting for it would also wait for whoever has its pipes
                    await process.stdout.read(MOST_LINE)
                    await asyncio.sleep(0.01)
                break
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # whatever it has left in its group
