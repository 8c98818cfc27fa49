"""The tool that reads a page of the web: by GET, from hosts that both the task and the policy name.

Names are resolved, judged and pinned as every request to an address that somebody else chose; a redirect is judged like
a first request. What comes back is bounded, and only text is handed on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urldefrag, urljoin

import httpx

from orchestra.chassis.errors import Transient
from orchestra.chassis.http.outward import Outward, RefusedUrl, target_of
from orchestra.executor.adapters.authorities import authorities
from orchestra.executor.application.agents.ports import Assignment, Tool
from orchestra.executor.domain.agents.calls import ToolResult, ToolSpec
from orchestra.executor.domain.agents.fetching import host_named, text_of, why_not
from orchestra.executor.domain.agents.texts import MOST, plain
from orchestra.executor.domain.policy import Policy

NAME = "fetch"
MOST_BYTES = 1_000_000
MOST_REDIRECTS = 5
MOST_URL = 2_000
LIMIT_S = 30.0
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_ROOM = 500
"""Characters for what is told beside the text."""
_HEADERS = {"accept": "text/*, application/json, */*;q=0.1", "accept-encoding": "identity", "user-agent": "orchestra"}


class _Refused(Exception):
    """Nothing was asked of this address, or nothing can be made of what it answers."""


@dataclass(frozen=True)
class _Answer:
    url: str
    status: int
    content_type: str
    body: bytes
    cut: bool


@dataclass(frozen=True)
class Fetch:
    assignment: Assignment
    policy: Policy
    outward: Outward
    limit_s: float = LIMIT_S

    @property
    def spec(self) -> ToolSpec:
        hosts = ", ".join(self.assignment.command.hosts) or "none"
        return ToolSpec(
            NAME,
            f"Read a text of the web by GET. Hosts that may be asked: {hosts}. At most {MOST} characters come back; "
            "`start` goes on further down.",
            {
                "type": "object",
                "additionalProperties": False,
                "required": ["url"],
                "properties": {
                    "url": {"type": "string", "minLength": 1, "maxLength": MOST_URL},
                    "start": {
                        "type": "integer",
                        "minimum": 0,
                        "maximum": MOST_BYTES,
                        "description": "The first character to be told; 0 is the beginning.",
                    },
                },
            },
            "none",
        )

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        return self._why_not(arguments["url"])

    def summary(self, arguments: Mapping[str, Any]) -> str:
        return f"fetch {plain(arguments['url'], 1_900)}"

    async def perform(self, arguments: Mapping[str, Any], key: str) -> ToolResult:
        del key
        try:
            trusted = await authorities()
            async with asyncio.timeout(self.limit_s), self.outward.client(trusted) as client:
                answer = await self._follow(client, arguments["url"])
        except (_Refused, RefusedUrl) as refused:
            return ToolResult(f"Refused: {refused}", failed=True)
        except TimeoutError:
            return ToolResult(f"There was no whole answer within {self.limit_s:g} s.", failed=True)
        except Transient as away:
            return ToolResult(str(away), failed=True)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            return ToolResult(f"It cannot be read ({type(error).__name__}).", failed=True)
        return _told(answer, arguments.get("start", 0))

    async def look_up(self, key: str) -> ToolResult | None:
        del key  # nothing was changed: it is asked again
        return None

    def _why_not(self, url: str) -> str | None:
        try:
            target = target_of(url)
        except RefusedUrl as refused:
            return f"{refused}."
        if target.scheme == "http" and not self.policy.networks:
            return "Only https is asked."
        return why_not(self.policy, self.assignment.command.hosts, host_named(target.host, target.port))

    async def _follow(self, client: httpx.AsyncClient, url: str) -> _Answer:
        for _ in range(MOST_REDIRECTS + 1):
            async with client.stream("GET", url, headers=_HEADERS) as answer:
                location = answer.headers.get("location")
                if answer.status_code not in _REDIRECTS or location is None:
                    return await _read(url, answer)
            there = urldefrag(urljoin(url, location)).url
            if why := self._why_not(there):
                raise _Refused(f"it leads on to {plain(there, 300)}. {why}")
            url = there
        raise _Refused(f"it leads on more than {MOST_REDIRECTS} times.")


async def _read(url: str, answer: httpx.Response) -> _Answer:
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise _Refused("the answer is compressed, and nobody knows how large it is.")
    body = bytearray()
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > MOST_BYTES:
            break
    kind = answer.headers.get("content-type", "")
    return _Answer(url, answer.status_code, kind, bytes(body[:MOST_BYTES]), len(body) > MOST_BYTES)


def _told(answer: _Answer, start: int) -> ToolResult:
    kind = plain(answer.content_type.partition(";")[0], 100) or "no content type"
    size = f"the first {MOST_BYTES} bytes" if answer.cut else f"{len(answer.body)} bytes"
    head = f"HTTP {answer.status}, {kind}, {size}, from {plain(answer.url, 200)}"
    text = text_of(answer.content_type, answer.body)
    if text is None:
        return ToolResult(f"{head}: that is no text.", failed=True)
    told = text[start : start + MOST - _ROOM]
    end = start + len(told)
    more = f"\n(It has {len(text)} characters; the next one is at {end}.)" if end < len(text) else ""
    return ToolResult(f"{head}\n{told}{more}", failed=not 200 <= answer.status < 300)


@dataclass(frozen=True)
class FetchToolbox:
    policy: Policy
    outward: Outward

    async def tools(self, assignment: Assignment, wanted: Sequence[str]) -> Sequence[Tool]:
        return [Fetch(assignment, self.policy, self.outward)] if NAME in wanted else []
