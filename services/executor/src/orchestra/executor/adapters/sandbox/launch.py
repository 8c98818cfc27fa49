"""The executor's side of the sandbox: starts the warden, hands it commands, waits for their keepers."""

import asyncio
import errno
import json
import os
import socket
import subprocess
import sys
from asyncio import StreamReader
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from ipaddress import ip_network
from itertools import count
from pathlib import Path
from typing import Any

from orchestra.chassis.http.outward import Outward, Resolve
from orchestra.executor.adapters.sandbox import bubblewrap, tools
from orchestra.executor.adapters.sandbox.delegation import Groups
from orchestra.executor.adapters.sandbox.group import remove
from orchestra.executor.adapters.sandbox.proxy import ENVIRONMENT, Proxy
from orchestra.executor.adapters.sandbox.request import FIRST_USER, USERS, Request
from orchestra.executor.application.ports import (
    Check,
    CommandRefused,
    Grouping,
    Outcome,
    SandboxCommand,
    SandboxLost,
    SandboxUnavailable,
)
from orchestra.executor.domain.policy import Level, Policy, Refusal, check, without_network

GRACE_S = 2.0
"""From SIGTERM to SIGKILL."""
WARDEN = "orchestra.executor.adapters.sandbox.warden"
CAGES = {Level.L2: "landlock", Level.L3: "bubblewrap"}


class CagedSandbox:
    """Runs commands in one kind of cage. Bound to no event loop."""

    def __init__(
        self, level: Level, policy: Policy, resolve: Resolve | None = None, groups: Groups | None = None
    ) -> None:
        """Takes the groups over, and gives them up when it is closed."""
        self.level = level
        self.policy = policy
        self.checks: tuple[Check, ...] = ()
        self.grouping = Grouping(groups.version if groups else None)
        self._groups = groups
        self._warden: tuple[subprocess.Popen[bytes], socket.socket] | None = None
        self._resolve = resolve
        self._outward: Outward | None = None
        self._turn = count(os.getpid())

    async def perform(self, command: SandboxCommand, on_started: Callable[[int], None] | None = None) -> Outcome:
        request = self._request(command)
        async with AsyncExitStack() as closed_after:
            to_proxy = await closed_after.enter_async_context(self._proxy(command)) if command.hosts else None
            try:
                return await self._perform(request, self._hand_over(command, to_proxy), on_started)
            except SandboxLost:
                if request.group is not None:  # its keeper would have done it
                    await asyncio.to_thread(remove, request.group.folders)
                raise

    async def _perform(
        self, request: Request, ours: socket.socket, on_started: Callable[[int], None] | None
    ) -> Outcome:
        reader, writer = await asyncio.open_connection(sock=ours, limit=1 << 20)
        answer = asyncio.ensure_future(_answer(reader, on_started))
        try:
            writer.write(request.to_line())
            return await asyncio.shield(answer)
        except BaseException:
            with suppress(OSError, RuntimeError):  # the latter where the keeper has hung up
                writer.write_eof()  # asks the keeper to end the command
            await _uninterrupted(_closed(reader, answer))
            raise
        finally:
            writer.close()

    @asynccontextmanager
    async def _proxy(self, command: SandboxCommand) -> AsyncGenerator[socket.socket]:
        """Within the block the command's proxy waits for a socket to listen at: whoever has one sends it there."""
        if self._outward is None:
            self._outward = Outward(map(ip_network, self.policy.networks), self._resolve)
        proxy = Proxy(command.hosts, self._outward)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            listening = asyncio.create_task(_listen(proxy, ours), name="proxy of a command")
            try:
                yield theirs
            finally:
                listening.cancel()
                await asyncio.wait([listening])
                proxy.close()

    async def close(self) -> None:
        if self._outward is not None:
            self._outward.close()
            self._outward = None
        if self._warden is not None:
            process, control = self._warden
            self._warden = None
            control.close()
            await asyncio.to_thread(process.wait)
        if self._groups is not None:
            await asyncio.to_thread(self._groups.close)

    def _request(self, command: SandboxCommand) -> Request:
        refusals = check(self.policy, command.argv, command.tools, command.hosts)
        refusals += without_network(self.level, command.hosts)
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
        proxied = ENVIRONMENT if command.hosts else {}
        environment = {**command.environment, **proxied, **tools.environment("/tmp" if bubblewrapped else tmp)}  # noqa: S108 - its own
        view = bubblewrap.View(
            readable, workspace, environment, command.limits, command.guarded, asks_hosts=bool(command.hosts)
        )
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
            group=self._groups.another() if self._groups else None,
        )

    def _hand_over(self, command: SandboxCommand, to_proxy: socket.socket | None) -> socket.socket:
        """Has the warden fork a keeper; the socket to it."""
        log = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                more = [] if to_proxy is None else [to_proxy.fileno()]
                socket.send_fds(self._control(), [b"!"], [theirs.fileno(), log, *more])
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
        folders = self._groups.place.folders if self._groups else ()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-I", "-m", WARDEN, str(theirs.fileno()), *folders],
                pass_fds=[theirs.fileno()],
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt at the terminal is the executor's to handle
            )
        self._warden = process, control
        return control


async def _listen(proxy: Proxy, at: socket.socket) -> None:
    """Once a socket has come there. Nothing comes where the command was not begun."""
    loop = asyncio.get_running_loop()
    come = loop.create_future()
    loop.add_reader(at, lambda: come.done() or come.set_result(None))
    try:
        await come
    finally:
        loop.remove_reader(at)
    _, fds, _, _ = socket.recv_fds(at, 1, 1)
    for fd in fds:
        listener = socket.socket(fileno=fd)
        listener.setblocking(False)
        await proxy.listen(listener)


async def _answer(reader: StreamReader, on_started: Callable[[int], None] | None) -> Outcome:
    while line := await _line(reader):
        said: dict[str, Any] = json.loads(line)
        if "started" in said and on_started:
            on_started(said["started"])
        if said.get("full"):  # says nothing of the sandbox
            raise OSError(errno.ENOSPC, said["failed"])
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
