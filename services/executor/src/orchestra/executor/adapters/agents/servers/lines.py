"""Connections to servers of tools, kept while they are in use: a server may remember what it was told.

Each belongs to one conversation of one task, so that nobody's server remembers for somebody else. The library wants a
connection closed in the task that has opened it, so each has a task of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from importlib import import_module
from typing import Any, Protocol, TypeVar

from orchestra.chassis.http.outward import Outward
from orchestra.chassis.telemetry.logging import logger
from orchestra.executor.adapters.agents.servers.access import Access, Overdue, ServerFault
from orchestra.executor.domain.agents.calls import ToolResult
from orchestra.executor.domain.agents.server_tools import Described

IDLE_S = 120.0
MOST = 64
"""Connections of one executor."""
MOST_LOOKS = 8
"""Connections that are opened to have a look, at a time."""
STOP_S = 8.0

T = TypeVar("T")
log = logger("tool servers")


class Connection(Protocol):
    async def listed(self) -> Sequence[Described]: ...

    async def call(self, tool: str, arguments: dict[str, Any]) -> ToolResult: ...


Open = Callable[[Access, Outward], AbstractAsyncContextManager[Connection]]
Work = Callable[[Connection], Awaitable[T]]


class Lines:
    def __init__(self, outward: Outward, idle_s: float = IDLE_S, most: int = MOST) -> None:
        """`outward`: for the addresses that projects chose."""
        self._outward = outward
        self._idle_s, self._most = idle_s, most
        self._lines: dict[tuple[str, str], _Line] = {}
        """By the conversation and the server's name."""
        self._open: Open | None = None
        self._loading = asyncio.Lock()
        self._looking = asyncio.Semaphore(MOST_LOOKS)

    async def listed(self, access: Access, owner: str) -> Sequence[Described]:
        """The server's tools. `owner` names the conversation. Raises ServerFault."""
        return await self._use(access, owner, lambda connection: connection.listed())

    async def call(self, access: Access, owner: str, tool: str, arguments: dict[str, Any]) -> ToolResult:
        """Raises ServerFault, Overdue."""
        return await self._use(access, owner, lambda connection: connection.call(tool, arguments))

    async def look(self, access: Access) -> Sequence[Described]:
        """Open a connection of its own, and close it. Raises ServerFault."""
        async with self._looking:
            line = _Line(await self._opener(), access, self._outward, None)
            try:
                return await line.use(lambda connection: connection.listed())
            finally:
                await line.close()

    async def close(self) -> None:
        await asyncio.gather(*(line.close() for line in list(self._lines.values())))

    async def _use(self, access: Access, owner: str, work: Work[T]) -> T:
        kept = self._lines.get((owner, access.name))
        if kept is not None and kept.access != access:
            await kept.close()  # it has another address or token by now
        if kept is not None and kept.is_open:
            try:
                return await kept.use(work)
            except Overdue:
                await kept.close()  # what hangs once may hang for ever
                raise
            except ServerFault as fault:
                await kept.close()
                if fault.served == "perhaps":
                    raise
                # It was started anew, or has forgotten us: nothing was asked of it, so it is asked once more.
        line = await self._new(access, owner)
        try:
            return await line.use(work)
        except (ServerFault, Overdue):
            await line.close()
            raise

    async def _new(self, access: Access, owner: str) -> "_Line":
        opener = await self._opener()
        self._lines = {key: line for key, line in self._lines.items() if line.is_open}
        if len(self._lines) >= self._most:
            resting = [line for line in self._lines.values() if line.users == 0]
            idle = min(resting, key=lambda line: line.since, default=None)
            if idle is None:
                raise ServerFault(f"{self._most} connections to servers of tools are in use, which is the most")
            await idle.close()
        line = self._lines[owner, access.name] = _Line(opener, access, self._outward, self._idle_s)
        return line

    async def _opener(self) -> Open:
        """The library is large, and loaded when the first server is asked."""
        async with self._loading:
            if self._open is None:
                room = f"{__package__}.sdk.opening"
                self._open = (await asyncio.to_thread(import_module, room)).open_server
        assert self._open is not None
        return self._open


class _Line:
    def __init__(self, opener: Open, access: Access, outward: Outward, idle_s: float | None) -> None:
        self.access = access
        self.users = 0
        self.since = asyncio.get_running_loop().time()
        self._idle_s = idle_s
        self._closing = asyncio.Event()
        self._ready: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold(opener, access, outward), name=f"tool server {access.name}")

    @property
    def is_open(self) -> bool:
        return not self._task.done() and not self._closing.is_set()

    async def use(self, work: Work[T]) -> T:
        """Raises ServerFault where the connection cannot be opened, or ends meanwhile; and what the work raises."""
        self.users += 1
        asking: asyncio.Task[T] | None = None
        try:
            await asyncio.wait({self._task, self._ready}, return_when=asyncio.FIRST_COMPLETED)
            if not self._ready.done():
                raise ServerFault("its connection has ended")
            asking = asyncio.ensure_future(_of(work(self._ready.result())))
            await asyncio.wait({self._task, asking}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise ServerFault("its connection has ended", "perhaps")
            return asking.result()
        finally:
            if asking is not None:
                asking.cancel()  # one that has ended is not touched
                await asyncio.wait({asking})
            self.users -= 1
            self.since = asyncio.get_running_loop().time()

    async def close(self) -> None:
        """Returns when nothing of it is left."""
        self._closing.set()
        await asyncio.wait({self._task}, timeout=STOP_S)
        self._task.cancel()
        await asyncio.wait({self._task})
        if self._ready.done():
            self._ready.exception()  # it was told to whoever waited

    async def _hold(self, opener: Open, access: Access, outward: Outward) -> None:
        try:
            async with opener(access, outward) as connection:
                self._ready.set_result(connection)
                await self._until_idle()
        except ServerFault as fault:
            log.warning("the connection to a tool server ended", server=access.name, why=str(fault))
            if not self._ready.done():
                self._ready.set_exception(fault)

    async def _until_idle(self) -> None:
        """Until it is closed, or nobody has used it for some time."""
        loop = asyncio.get_running_loop()
        while not self._closing.is_set():
            left = self._idle_s if self._idle_s is None or self.users else self.since + self._idle_s - loop.time()
            if left is not None and left <= 0:
                break
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._closing.wait()
        self._closing.set()


async def _of(work: Awaitable[T]) -> T:
    return await work
