"""A connection to a server of tools, by the library of the protocol: its tools, and calls of them.

A server is hostile. Its answers are not judged by the schemas that it gives for them, which may take for ever; it gets
no answer to what it asks us; and nothing that it says is in an error.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CONNECTION_CLOSED,
    REQUEST_TIMEOUT,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    EmbeddedResource,
    Implementation,
    ResourceLink,
    TextContent,
    TextResourceContents,
)
from pydantic import ValidationError

from orchestra.chassis.http.outward import Outward
from orchestra.executor.adapters.agents.servers.access import Access, Overdue, ServerFault
from orchestra.executor.adapters.agents.servers.sdk.http import Seen, client
from orchestra.executor.adapters.agents.servers.sdk.stdio import process_of
from orchestra.executor.adapters.authorities import authorities
from orchestra.executor.domain.agents.calls import ToolResult
from orchestra.executor.domain.agents.server_tools import Described
from orchestra.executor.domain.agents.texts import cut, plain, without

OPEN_S = 30.0
"""Until a server has said who it is, and for each page of its tools."""
MOST_PAGES = 20
MOST_LISTED = 1_000
MOST_NAME = 128
for each in ("mcp", "client"):  # what the library logs holds what servers say, and that may be a token of ours
    logging.getLogger(each).setLevel(logging.CRITICAL + 1)

US = Implementation(name="orchestra", version="1")


class Connection:
    def __init__(self, client: Client, access: Access, seen: Seen) -> None:
        self._client = client
        self._access = access
        self._seen = seen

    async def listed(self) -> list[Described]:
        """The tools that it says it has, at most a thousand. Raises ServerFault."""
        found: list[Described] = []
        cursor: str | None = None
        self._seen.clear()
        try:
            async with asyncio.timeout(OPEN_S):
                for _ in range(MOST_PAGES):
                    page = await self._client.list_tools(cursor=cursor, cache_mode="bypass")
                    found += [_described(tool) for tool in page.tools if _is_name(tool.name)]
                    cursor = page.next_cursor
                    if cursor is None or len(found) >= MOST_LISTED:
                        break
        except Exception as error:
            raise fault_of(error, self._seen, "no") from error
        return found[:MOST_LISTED]

    async def call(self, tool: str, arguments: dict[str, Any]) -> ToolResult:
        """Raises ServerFault, Overdue."""
        request = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=arguments))
        limit, secrets = self._access.timeout_s, self._access.secrets
        self._seen.clear()
        try:
            async with asyncio.timeout(limit):
                result = await self._client.session.send_request(request, CallToolResult, limit)
        except TimeoutError as error:
            raise Overdue(f"it gave no answer within {limit:g} s") from error
        except MCPError as error:
            if error.code == REQUEST_TIMEOUT:
                raise Overdue(f"it gave no answer within {limit:g} s") from error
            if self._seen.fault is not None or error.code == CONNECTION_CLOSED:
                raise fault_of(error, self._seen, "perhaps") from error
            return ToolResult(
                f"The server refuses the call: {plain(without(error.message, secrets), 1_000)}", failed=True
            )
        except ValidationError:
            return ToolResult("What the server answers is no result of a tool.", failed=True)
        except Exception as error:
            raise fault_of(error, self._seen, "perhaps") from error
        return ToolResult(cut(without(_text(result), secrets)), failed=result.is_error)


@asynccontextmanager
async def open_server(access: Access, outward: Outward) -> AsyncGenerator[Connection]:
    """Raises ServerFault while it is opened, and where it breaks. It is closed in the task that has opened it."""
    seen = Seen()
    try:
        async with AsyncExitStack() as opened:
            if access.command:
                transport = process_of(access)
            else:
                judged = outward if access.tenants else None
                http = await opened.enter_async_context(client(access.headers, judged, seen, await authorities()))
                transport = streamable_http_client(access.url, http_client=http)
            asked = Client(transport, read_timeout_seconds=OPEN_S, cache=None, client_info=US)
            async with asyncio.timeout(OPEN_S):
                ready = await opened.enter_async_context(asked)
            yield Connection(ready, access, seen)
    except Exception as error:
        raise fault_of(error, seen, "no") from error


def fault_of(error: Exception, seen: Seen, served: Any) -> ServerFault:
    """What is told of it: what was seen of its connection, else what sort of error it was."""
    if seen.fault is not None:
        return seen.fault
    known = _first(error)
    if isinstance(known, ServerFault):
        return known
    if isinstance(known, TimeoutError) or (isinstance(known, MCPError) and known.code == REQUEST_TIMEOUT):
        return ServerFault(f"it gave no answer within {OPEN_S:g} s", served)
    if isinstance(known, MCPError) and known.code == CONNECTION_CLOSED:
        return ServerFault("its connection has ended", served)
    if isinstance(known, MCPError | ValidationError):
        return ServerFault("it does not answer as a server of tools does", served)
    return ServerFault(f"it cannot be asked ({type(known).__name__})", served)


def _first(error: BaseException) -> BaseException:
    """The library raises in groups within groups."""
    while isinstance(error, BaseExceptionGroup):
        within = cast("BaseExceptionGroup[BaseException]", error).exceptions
        error = next((each for each in within if not isinstance(each, asyncio.CancelledError)), within[0])
    return error


def _is_name(name: str) -> bool:
    return 0 < len(name) <= MOST_NAME and name.isprintable()


def _described(tool: Any) -> Described:
    hints = tool.annotations
    return Described(
        tool.name,
        tool.description or tool.title or "",
        tool.input_schema,
        read_only=bool(hints and hints.read_only_hint),
        idempotent=bool(hints and hints.idempotent_hint),
    )


def _text(result: CallToolResult) -> str:
    told = [_of(each) for each in result.content]
    if not told and result.structured_content is not None:
        told = [json.dumps(result.structured_content, ensure_ascii=False)]
    return "\n".join(told) or "(It answered with nothing.)"


def _of(part: object) -> str:
    match part:
        case TextContent():
            return part.text
        case EmbeddedResource(resource=TextResourceContents() as resource):
            return resource.text
        case ResourceLink():
            return f"(a link to {plain(str(part.uri), 500)})"
        case _:
            return f"({type(part).__name__}, left out: it is no text.)"
