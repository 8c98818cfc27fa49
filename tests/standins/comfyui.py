"""ComfyUI's HTTP API: a queue that makes one image at a time, when it is told to or at once, and a history."""

import asyncio
import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

from starlette.types import Receive, Scope, Send
from tests.standins.serving import Served, body_of, respond, stall

Json = dict[str, Any]
JSON = (b"content-type", b"application/json")


def png(width: int = 16, height: int = 8) -> bytes:
    """A real one, all black."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(width) for _ in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@dataclass
class Asked:
    number: int
    id: str
    graph: Json
    told: Json

    @property
    def entry(self) -> list[Any]:
        return [self.number, self.id, self.graph, self.told, ["9"]]


@dataclass
class ComfyStandIn(Served):
    at_once: bool = True
    """Each image is made as soon as it is asked for; else `finish` makes the one that is running."""
    own_ids: bool = False
    """As before ComfyUI took ids from whoever asks."""
    away: bool = False
    image: bytes = field(default_factory=png)
    checkpoints: tuple[str, ...] = ("small.safetensors",)
    instead: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """By path: what is answered in place of the truth."""
    stalls: str = ""
    """A path at which nothing is ever answered."""
    received: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Method and path of each request."""
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    submitted: list[Asked] = field(default_factory=list[Asked])
    pending: list[Asked] = field(default_factory=list[Asked])
    running: Asked | None = None
    history: dict[str, Json] = field(default_factory=dict[str, Json])
    stalled: asyncio.Event = field(default_factory=asyncio.Event)

    def finish(self, fault: str = "") -> None:
        """The running one ends, and the next begins."""
        ended, self.running = self.running, None
        assert ended is not None
        outputs = (
            {} if fault else {"9": {"images": [{"filename": f"{ended.id}.png", "subfolder": "", "type": "output"}]}}
        )
        messages = [["execution_start", {}], [fault or "execution_success", {"exception_message": fault}]]
        status = {"status_str": "error" if fault else "success", "completed": not fault, "messages": messages}
        self.history[ended.id] = {"prompt": ended.entry, "outputs": outputs, "status": status, "meta": {}}
        self._begin()

    def forget(self) -> None:
        """As a restart does."""
        self.pending, self.running, self.history = [], None, {}

    def _begin(self) -> None:
        if self.running is None and self.pending:
            self.running = self.pending.pop(0)
            if self.at_once:
                self.finish()

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, body = scope["path"], await body_of(receive)
        self.received.append((scope["method"], path))
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        if path == self.stalls:
            self.stalled.set()
            await stall(receive)
        elif self.away:
            await respond(send, 503, b"away")
        elif path in self.instead:
            await respond(send, 200, self.instead[path], JSON)
        elif path == "/view":
            await respond(send, 200, self.image, (b"content-type", b"image/png"))
        else:
            query = parse_qs(scope["query_string"].decode())
            status, told = self._told(scope["method"], path, query, json.loads(body) if body else {})
            await respond(send, status, json.dumps(told).encode(), JSON)

    def _told(self, method: str, path: str, query: dict[str, list[str]], body: Json) -> tuple[int, Any]:
        match method, path:
            case "GET", "/system_stats":
                return 200, {"system": {"comfyui_version": "0.3.60"}, "devices": []}
            case "GET", "/queue":
                running = [self.running.entry] if self.running else []
                return 200, {"queue_running": running, "queue_pending": [each.entry for each in self.pending]}
            case "GET", "/history":
                most = int(query.get("max_items", ["10000"])[0])
                return 200, dict(list(self.history.items())[-most:])
            case "POST", "/prompt":
                return self._submit(body)
            case "POST", "/queue":
                self.pending = [each for each in self.pending if each.id not in body.get("delete", ())]
                return 200, {}
            case "POST", "/interrupt":
                if self.running is not None and body.get("prompt_id") in (None, self.running.id):
                    self.finish("execution_interrupted")
                return 200, {}
            case "GET", _ if path.startswith("/history/"):
                prompt_id = path.removeprefix("/history/")
                return 200, {prompt_id: self.history[prompt_id]} if prompt_id in self.history else {}
            case _:
                return 404, {"error": f"no {method} {path} here"}

    def _submit(self, body: Json) -> tuple[int, Any]:
        graph = body.get("prompt")
        if not isinstance(graph, dict) or any("class_type" not in node for node in graph.values()):
            return 400, {"error": {"type": "invalid_prompt", "message": "no class_type"}, "node_errors": {}}
        for node in graph.values():
            named = node["inputs"].get("ckpt_name")
            if named is not None and named not in self.checkpoints:
                fault = f"ckpt_name: '{named}' not in {list(self.checkpoints)}"
                return 400, {"error": {"type": "value_not_in_list", "message": fault}, "node_errors": {}}
        told = {"client_id": body.get("client_id")}
        prompt_id = str(uuid4()) if self.own_ids else str(body.get("prompt_id", uuid4()))
        asked = Asked(len(self.submitted), prompt_id, graph, told)
        self.submitted.append(asked)
        self.pending.append(asked)
        self._begin()
        return 200, {"prompt_id": prompt_id, "number": asked.number, "node_errors": {}}
