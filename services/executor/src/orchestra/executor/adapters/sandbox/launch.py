"""The executor's side of the sandbox: starts the warden, hands it commands, waits for their keepers."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from asyncio import StreamReader
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from orchestra.executor.adapters.sandbox import bubblewrap, tools
from orchestra.executor.adapters.sandbox.request import FIRST_USER, USERS, Request
from orchestra.executor.application.ports import (
    Check,
    CommandRefused,
    Outcome,
    SandboxCommand,
    SandboxLost,
    SandboxUnavailable,
)
from orchestra.executor.domain.policy import Level, Policy, Refusal, check

GRACE_S = 2.0
"""From SIGTERM to SIGKILL."""
CAGES = {Level.L2: "landlock", Level.L3: "bubblewrap"}


class CagedSandbox:
    """Runs commands in one kind of cage. Bound to no event loop."""

    def __init__(self, level: Level, policy: Policy) -> None:
        self.level = level
        self.policy = policy
        self.checks: tuple[Check, ...] = ()
        self._warden: tuple[subprocess.Popen[bytes], socket.socket] | None = None
        self._turn = count(os.getpid())

    async def perform(self, command: SandboxCommand, on_started: Callable[[int], None] | None = None) -> Outcome:
        request = self._request(command)
        ours = self._hand_over(command)
        reader, writer = await asyncio.open_connection(sock=ours, limit=1 << 20)
        answer = asyncio.ensure_future(_answer(reader, on_started))
        try:
            writer.write(request.to_line())
            return await asyncio.shield(answer)
        except BaseException:
            with suppress(OSError):
                writer.write_eof()  # asks the keeper to end the command
            await _uninterrupted(_closed(reader, answer))
            raise
        finally:
            writer.close()

    async def close(self) -> None:
        if self._warden is None:
            return
        process, control = self._warden
        self._warden = None
        control.close()
        await asyncio.to_thread(process.wait)

    def _request(self, command: SandboxCommand) -> Request:
        refusals = check(self.policy, command.argv, command.tools)
        for tool in () if refusals else command.tools:
            try:
                tools.find(tool)
            except tools.UnknownTool as unknown:
                refusals.append(Refusal("tool-not-found", str(unknown)))
        if refusals:
            raise CommandRefused(refusals)
        workspace, tmp = str(command.workspace), f"{command.workspace}.tmp"
        bubblewrapped = self.level is Level.L3
        readable = tuple(path for path in self.policy.readable if Path(path).exists())
        environment = {**command.environment, **tools.environment("/tmp" if bubblewrapped else tmp)}  # noqa: S108 - its own
        view = bubblewrap.View(readable, workspace, environment, command)
        return Request(
            cage=CAGES[self.level],
            options=bubblewrap.options(view) if bubblewrapped else (),
            argv=(str(tools.find(command.argv[0])), *command.argv[1:]),
            shown=(*tools.shown_folders(), *readable),
            workspace=workspace,
            tmp=tmp,
            environment=environment,
            user=FIRST_USER + next(self._turn) % USERS if os.geteuid() == 0 else None,
            timeout_s=command.timeout_s,
            grace_s=GRACE_S,
            limits=command.limits,
        )

    def _hand_over(self, command: SandboxCommand) -> socket.socket:
        """Has the warden fork a keeper; the socket to it."""
        log = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control(), [b"!"], [theirs.fileno(), log])
        except BrokenPipeError:
            ours.close()
            raise SandboxLost("The sandbox's warden was ended before the command.") from None
        finally:
            os.close(log)
        return ours

    def _control(self) -> socket.socket:
        """The socket to the warden, which is started when there is none."""
        if self._warden is not None:
            process, control = self._warden
            if process.poll() is None:
                return control
            control.close()
        control, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-I", "-m", "orchestra.executor.adapters.sandbox.warden", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt at the terminal is the executor's to handle
            )
        self._warden = process, control
        return control


async def _answer(reader: StreamReader, on_started: Callable[[int], None] | None) -> Outcome:
    while line := await _line(reader):
        said: dict[str, Any] = json.loads(line)
        if "started" in said and on_started:
            on_started(said["started"])
        if "failed" in said:
            raise SandboxUnavailable(said["failed"])
        if "ended" in said:
            return Outcome(**said["ended"])
    raise SandboxLost("The command's keeper was ended before the command.")


async def _line(reader: StreamReader) -> bytes:
    """Empty when the keeper is gone, whether or not it had read what was asked of it."""
    try:
        return await reader.readline()
    except ConnectionResetError:
        return b""


async def _closed(reader: StreamReader, answer: asyncio.Future[Outcome]) -> None:
    """Until keeper and warden have closed the socket: then nothing of the command is left."""
    await asyncio.wait([answer])
    with suppress(ConnectionResetError):
        while await reader.read(65536):
            continue


async def _uninterrupted(steps: Coroutine[Any, Any, None]) -> None:
    """Awaits them to the end, also when this task is cancelled again meanwhile."""
    task = asyncio.ensure_future(steps)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
