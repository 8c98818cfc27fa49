"""The gateway's API as the command line uses it; a refusal becomes a Stop with its exit code."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from orchestra.cli.exits import Exit, Stop, exit_of

V1 = "/api/v1"

PATIENCE_S = 30
"""How long what the API answers with "come again" (503 with Retry-After) is asked for again."""


class Api:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str, **params: Any) -> Any:
        return (await self._send("GET", path, params=params)).json()

    async def tagged(self, path: str) -> tuple[Any, str]:
        """What is there, and its ETag."""
        answer = await self._send("GET", path)
        return answer.json(), answer.headers["etag"]

    async def post(self, path: str, body: Mapping[str, Any], *, if_match: str | None = None) -> Any:
        """A command. Its key makes a repetition after a lost answer harmless."""
        headers = {"Idempotency-Key": uuid4().hex} | ({"If-Match": if_match} if if_match else {})
        return (await self._send("POST", path, json=body, headers=headers)).json()

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return (await self._send("PUT", path, json=body)).json()

    async def delete(self, path: str, **params: Any) -> Any:
        answer = await self._send("DELETE", path, params=params)
        return answer.json() if answer.content else None

    async def edit(self, path: str, change: Callable[[dict[str, Any]], tuple[str, Mapping[str, Any]]]) -> Any:
        """Read a thing and change exactly what was read; `change` gives the method and the body."""
        read = await self._send("GET", path)
        method, body = change(read.json())
        return (await self._send(method, path, json=body, headers={"If-Match": read.headers["etag"]})).json()

    async def save(self, path: str, to: Path, **params: Any) -> int:
        """The answer as a file, which is there whole or not at all; how many bytes it has."""
        part = to.with_name(f"{to.name}.part")
        try:
            async with self._client.stream("GET", V1 + path, params=params, timeout=None) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    raise refusal(answer)
                with part.open("wb") as file:
                    async for chunk in answer.aiter_bytes():
                        file.write(chunk)
        except httpx.HTTPError as error:
            part.unlink(missing_ok=True)
            raise Stop(Exit.UNAVAILABLE, f"the answer was cut off: {error or type(error).__name__}") from error
        part.replace(to)
        return to.stat().st_size

    async def all(self, path: str, **params: Any) -> list[Any]:
        """Every item of a paged list."""
        items: list[Any] = []
        cursor: str | None = None
        while True:
            page = await self.get(path, limit=500, **params, **({"cursor": cursor} if cursor else {}))
            items += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    async def upload(self, sha256: str, path: Path) -> None:
        """Hand a file over by its content; what the other side has already is not sent."""
        known = await self._client.request("HEAD", f"{V1}/artifacts/{sha256}")
        if known.status_code != 200:
            await self._send("PUT", f"/artifacts/{sha256}", content=_chunks(path))

    async def download(self, sha256: str, to: Path) -> None:
        async with self._client.stream("GET", f"{V1}/artifacts/{sha256}") as answer:
            await _accepted(answer)
            with to.open("wb") as file:
                async for chunk in answer.aiter_bytes():
                    file.write(chunk)

    async def text(self, path: str) -> AsyncIterator[str]:
        """A text of any length, as it comes."""
        async with self._client.stream("GET", V1 + path) as answer:
            await _accepted(answer)
            async for text in answer.aiter_text():
                yield text

    @asynccontextmanager
    async def stream(self, path: str, last: str | None, silence: float) -> AsyncGenerator[AsyncIterator[str]]:
        """The lines of a stream of events, behind the last one seen; an error of the client after so much silence."""
        headers = {"Last-Event-ID": last} if last is not None else {}
        async with self._client.stream("GET", V1 + path, headers=headers, timeout=silence) as answer:
            await _accepted(answer)
            yield answer.aiter_lines()

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Asked to come again it does so: whatever comes here may be repeated, for commands bring their key along."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = await self._client.request(method, V1 + path, **options)
            except httpx.HTTPError as error:
                detail = error or type(error).__name__
                raise Stop(Exit.UNAVAILABLE, f"the gateway does not answer: {detail}") from error
            pause = _pause(answer)
            if pause is None or "content" in options or time.monotonic() + pause > until:
                break
            await asyncio.sleep(pause)
        if answer.is_error:
            raise refusal(answer)
        return answer


def _pause(answer: httpx.Response) -> float | None:
    """Seconds after which it wants to be asked again."""
    wish = answer.headers.get("retry-after", "")
    return float(wish) if answer.status_code == 503 and wish.isdecimal() else None


async def _accepted(answer: httpx.Response) -> None:
    if answer.status_code != 200:
        await answer.aread()
        raise refusal(answer)


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 18):
            yield chunk


def refusal(answer: httpx.Response) -> Stop:
    """The problem in an answer, as a Stop."""
    try:
        problem = answer.json()
        code, detail = str(problem["code"]), str(problem["detail"])
        faults = [f"{e['pointer']}: {e['detail']}" for e in problem.get("errors", [])]
    except (json.JSONDecodeError, KeyError, TypeError):
        code, detail, faults = "unknown", f"HTTP {answer.status_code}: {answer.text[:300]}", []
    return Stop(exit_of(answer.status_code, code), detail, faults)
