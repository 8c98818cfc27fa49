"""Servers of tools, made with the protocol's own library: over HTTP on loopback, and as a process."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ImageContent,
    ListToolsResult,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.standins.serving import Served, body_of, respond, stall

Handler = Callable[[str, dict[str, Any]], Awaitable[CallToolResult]]
PLACE = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
TOOLS = (
    Tool(
        name="tides",
        description="When it is high water.",
        input_schema=PLACE,
        annotations=ToolAnnotations(read_only_hint=True),
    ),
    Tool(name="book", description="Book a boat.", input_schema=PLACE),
    Tool(
        name="mark",
        description="Mark a place.",
        input_schema=PLACE,
        annotations=ToolAnnotations(idempotent_hint=True),
    ),
)


def text(*said: str, failed: bool = False) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=each) for each in said], is_error=failed)


def picture() -> CallToolResult:
    return CallToolResult(content=[ImageContent(type="image", data="AAAA", mime_type="image/png")])


async def usual(tool: str, arguments: dict[str, Any]) -> CallToolResult:
    return text(f"{tool}: {arguments.get('place', '')} at 6:12")


class Harbour:
    """A handler that books, and whose first answer is never heard."""

    def __init__(self) -> None:
        self.booked: list[str] = []
        self.left = asyncio.Event()
        """Whoever asked first is gone."""

    async def __call__(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        self.booked.append(arguments["place"])
        if len(self.booked) == 1:
            await self.left.wait()
        return text(f"Booked: berth {len(self.booked)}.")

    async def has_booked(self) -> bool:
        return bool(self.booked)


def server_of(tools: Sequence[Tool], handler: Handler, page: int = 50) -> Server[Any]:
    async def listed(_: Any, params: Any) -> ListToolsResult:
        start = int(params.cursor) if params is not None and params.cursor else 0
        more = str(start + page) if start + page < len(tools) else None
        return ListToolsResult(tools=list(tools[start : start + page]), next_cursor=more)

    async def called(_: Any, params: CallToolRequestParams) -> CallToolResult:
        return await handler(params.name, dict(params.arguments or {}))

    return Server("standin", version="1", on_list_tools=listed, on_call_tool=called)


@dataclass
class McpStandIn(Served):
    """Enter it; `endpoint` is where it speaks MCP."""

    tools: Sequence[Tool] = TOOLS
    handler: Handler = usual
    token: str = ""
    """Asked of everybody, where there is one."""
    old: bool = False
    """Speaks only the versions that begin with a handshake."""
    status: int = 0
    """Answered in place of the truth, with `instead` as its body."""
    instead: bytes = b"away"
    instead_headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),)
    stalls: bool = False
    """Nothing is ever answered."""
    only_calls: bool = False
    """What goes wrong goes wrong for calls of tools alone."""
    called: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    received: list[str] = field(default_factory=list[str])
    """Each request as text."""
    lifespan: Literal["on", "off"] = "on"

    def __post_init__(self) -> None:
        self._app: ASGIApp = server_of(self.tools, self._handle).streamable_http_app()

    @property
    def endpoint(self) -> str:
        return f"{self.url}/mcp"

    async def _handle(self, tool: str, arguments: dict[str, Any]) -> CallToolResult:
        self.called.append((tool, arguments))
        return await self.handler(tool, arguments)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await body_of(receive)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        told = "\n".join(f"{name}: {value}" for name, value in headers.items())
        self.received.append(f"{scope['method']} {scope['path']}\n{told}\n{body.decode(errors='replace')}")
        method = json.loads(body).get("method", "") if body else ""
        wrong = not self.only_calls or method == "tools/call"
        if self.token and headers.get("authorization") != f"Bearer {self.token}":
            await respond(send, 401, b"who are you?")
        elif wrong and self.stalls:
            await stall(receive)
        elif wrong and self.status:
            await respond(send, self.status, self.instead, *self.instead_headers)
        elif self.old and method == "server/discover":
            await respond(send, 400, b"what?")
        else:
            await self._app(scope, _again(body, receive), send)


def _again(body: bytes, receive: Receive) -> Receive:
    """The request once more, for whoever answers it."""
    given = False

    async def take() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return take


async def _of_process(tool: str, arguments: dict[str, Any]) -> CallToolResult:
    match tool:
        case "environment":
            return text(json.dumps(dict(os.environ)))
        case "process":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            return text(json.dumps([os.getpid(), child.pid]))
        case "count":
            counted.append(tool)
            return text(str(len(counted)))
        case "die":
            os._exit(3)
        case "long":
            return text("x" * int(arguments["characters"]))
        case _:
            await asyncio.sleep(600)
            return text("late")


counted: list[str] = []
OF_PROCESS = [
    Tool(name="long", input_schema={"type": "object", "properties": {"characters": {"type": "integer"}}}),
    *(Tool(name=name, input_schema=NOTHING) for name in ("environment", "process", "count", "die", "slow")),
]


async def serve_process() -> None:
    from mcp.server.stdio import stdio_server

    server = server_of(OF_PROCESS, _of_process)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


if __name__ == "__main__":
    if "stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    asyncio.run(serve_process())
    while "stubborn" in sys.argv:
        signal.pause()
