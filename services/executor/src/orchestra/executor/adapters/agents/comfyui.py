"""ComfyUI's HTTP API, as far as images are made by it. Its answers are bounded, and read as a stranger's."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from orchestra.executor.adapters.authorities import authorities
from orchestra.executor.application.models.ports import Health
from orchestra.executor.domain.agents.texts import plain

NAME = "comfyui"
MOST_JSON = 4 * 2**20
MOST_IMAGE = 32 * 2**20
RECENT = 64
"""Entries of the history that are looked through for a call of ours."""
ANSWER_S = 60.0
"""Until an answer is whole."""
_WAITS = httpx.Timeout(30.0, connect=5.0)
_AWAY = frozenset((401, 403, 408, 429, 502, 503, 504))
"""Statuses that say nothing against what was asked: it is busy, away, or its operator has to let us in."""

M = TypeVar("M", bound=BaseModel)


class ComfyAway(Exception):
    """It does not answer, or not as ComfyUI does; the message says how."""


class ComfyRefused(Exception):
    """It does not take what was asked, and will not; the message is for whoever asked."""


@dataclass(frozen=True)
class ComfySettings:
    """How the operator's ComfyUI is asked. What may be secret is not shown where it is printed."""

    url: str
    graph: Mapping[str, Any] = field(repr=False)
    """In ComfyUI's API format, with `{prompt}` and the like where something is filled in."""
    checkpoint: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    width: int = 1024
    height: int = 1024
    away_s: float = 60.0
    """How long whoever needs it waits before it is tried again."""
    timeout_s: float = 600.0
    """Of one image, from when it was asked for."""


class Picture(BaseModel):
    """Where an image is to be had."""

    filename: str
    subfolder: str = ""
    type: str = "output"


class _Outputs(BaseModel):
    images: list[Picture] = []


class _Status(BaseModel):
    status_str: str = ""
    completed: bool = False
    messages: list[Any] = []


class _Entry(BaseModel):
    outputs: dict[str, _Outputs] = {}
    status: _Status | None = None
    prompt: list[Any] = []


class _History(BaseModel):
    entries: dict[str, _Entry]


class _Queue(BaseModel):
    queue_running: list[list[Any]] = []
    queue_pending: list[list[Any]] = []


class _Accepted(BaseModel):
    prompt_id: str


class _Stats(BaseModel):
    system: dict[str, Any]


@dataclass(frozen=True)
class Made:
    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Broken:
    """It was tried, and failed."""

    why: str
    interrupted: bool = False
    """Somebody stopped it; nothing was wrong with it."""


@dataclass(frozen=True)
class Waiting:
    id: str
    """As this ComfyUI calls it: an old one gives ids of its own."""
    running: bool


class Comfy:
    """One ComfyUI. All of it raises ComfyAway."""

    def __init__(self, settings: ComfySettings, client: httpx.AsyncClient) -> None:
        self._url = settings.url
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: ComfySettings) -> "AsyncGenerator[Comfy]":
        headers = {**settings.headers, "accept-encoding": "identity", "user-agent": "orchestra"}
        trusted = await authorities()
        async with httpx.AsyncClient(headers=headers, timeout=_WAITS, verify=trusted, trust_env=False) as client:
            yield cls(settings, client)

    async def submit(self, graph: Mapping[str, Any], prompt_id: str, mark: str) -> str:
        """Its id, once it stands in the queue. Raises ComfyRefused."""
        body = {"prompt": graph, "prompt_id": prompt_id, "client_id": mark}
        return _read(_Accepted, await self._ask("POST", "/prompt", json=body)).prompt_id

    async def find(self, prompt_id: str, mark: str) -> Made | Broken | Waiting | None:
        """What became of it; None where it knows nothing of it. One that is on its way is looked for first: it may
        end between two looks, and then it is in the history."""
        waiting = _in_queue(await self._queue(), prompt_id, mark)
        found = await self._history(f"/history/{quote(prompt_id, safe='')}")
        if prompt_id in found:
            return _ended(found[prompt_id])
        if waiting is not None:
            return waiting
        recent = await self._history(f"/history?max_items={RECENT}")
        return next((_ended(each) for each in recent.values() if _is_ours(each.prompt, mark)), None)

    async def image(self, picture: Picture) -> bytes:
        """Raises ComfyRefused."""
        query = {"filename": picture.filename, "subfolder": picture.subfolder, "type": picture.type}
        return await self._ask("GET", "/view", most=MOST_IMAGE, params=query)

    async def stop(self, prompt_id: str, mark: str) -> None:
        """Whatever of it has not ended. Others' work goes on: only what is found running is interrupted."""
        found = _in_queue(await self._queue(), prompt_id, mark)
        if found is None:
            return
        if found.running:
            await self._ask("POST", "/interrupt", json={"prompt_id": found.id})
        else:
            await self._ask("POST", "/queue", json={"delete": [found.id]})

    async def look(self) -> Health:
        """Never raises for what it does."""
        try:
            _read(_Stats, await self._ask("GET", "/system_stats"))
        except (ComfyAway, ComfyRefused) as away:
            return Health(NAME, False, str(away))
        return Health(NAME, True, "it answers")

    async def _queue(self) -> _Queue:
        return _read(_Queue, await self._ask("GET", "/queue"))

    async def _history(self, path: str) -> Mapping[str, _Entry]:
        body = await self._ask("GET", path)
        return _read(_History, b'{"entries":' + body + b"}").entries

    async def _ask(self, method: str, path: str, *, most: int = MOST_JSON, **more: Any) -> bytes:
        try:
            async with asyncio.timeout(ANSWER_S), self._client.stream(method, self._url + path, **more) as answer:
                body = bytearray()
                async for piece in answer.aiter_raw():
                    body += piece
                    if len(body) > most:
                        raise ComfyRefused(f"what it sends has more than {most} bytes")
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise ComfyAway(f"it cannot be reached ({type(error).__name__})") from error
        except TimeoutError as late:
            raise ComfyAway(f"it gave no whole answer within {ANSWER_S:g} s") from late
        status = answer.status_code
        if status in _AWAY:
            raise ComfyAway(f"it answers HTTP {status}")
        if status != 200:
            raise ComfyRefused(f"HTTP {status}: {plain(body[:4_000].decode(errors='replace'), 1_000)}")
        return bytes(body)


def _read(shape: type[M], body: bytes) -> M:
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        raise ComfyAway("it does not answer as ComfyUI does") from error


def _ended(entry: _Entry) -> Made | Broken:
    status = entry.status
    if status is not None and status.status_str not in ("", "success"):
        told = json.dumps(status.messages[-3:])
        return Broken(plain(told, 1_000), interrupted="execution_interrupted" in told)
    pictures = [each for key in sorted(entry.outputs) for each in entry.outputs[key].images]
    return Made([each for each in pictures if each.type == "output"] or pictures)


def _in_queue(queue: _Queue, prompt_id: str, mark: str) -> Waiting | None:
    for items, running in ((queue.queue_running, True), (queue.queue_pending, False)):
        for item in items:
            if len(item) > 1 and isinstance(item[1], str) and (item[1] == prompt_id or _is_ours(item, mark)):
                return Waiting(item[1], running)
    return None


def _is_ours(item: Sequence[Any], mark: str) -> bool:
    """An entry is [number, id, graph, what was told beside it, …]."""
    told = item[3] if len(item) > 3 else None
    return isinstance(told, dict) and cast("dict[str, Any]", told).get("client_id") == mark
