"""The server: one socket that speaks three providers' APIs, says what is scripted, and keeps all it was sent."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from starlette.types import Receive, Scope, Send
from tests.standins import anthropic_api, embeddings, openai_api
from tests.standins.faults import Refused
from tests.standins.serving import Served, body_of, respond, stall
from tests.standins.turns import Turn, tokens_of

KEY = "sk-standin-0123456789"
MODELS = ("claude-sonnet-5", "claude-haiku-4-5", "gpt-5", "gpt-5-mini", "llama3.2")
APIS: dict[str, ModuleType] = {"/v1/messages": anthropic_api, "/v1/chat/completions": openai_api}


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)

    @property
    def everything(self) -> str:
        """All of it as text, to look for what should never have been sent."""
        return "\n".join([self.path, *(f"{name}: {value}" for name, value in self.headers.items())]) + (
            "\n" + self.raw.decode(errors="replace")
        )


class ModelStandIn(Served):
    """A provider of models. Enter it; `url` is its address, to which OpenAI's clients add `/v1`."""

    def __init__(self, *, keys: Iterable[str] = (KEY,), models: Iterable[str] = MODELS, port: int = 0) -> None:
        self.keys = set(keys)
        """None of them: anybody may ask, as with Ollama."""
        self.models = list(models)
        self.received: list[Received] = []
        self.otherwise: Turn | None = None
        """Said when the script has ended; without it that is an error 418."""
        self.away = False
        """Answer 503 to everything."""
        self.same: dict[str, str] = {}
        """Words of texts to embed that mean the same as others."""
        self.vectors: list[Any] | None = None
        """Told in place of those of the texts."""
        self.silent = False
        """Requests for embeddings hang until the client goes away."""
        self.stalled = 0
        """Answers that hang now."""
        self._turns: list[Turn] = []
        self.at = port
        self._heard = asyncio.Condition()

    def script(self, *turns: Turn) -> None:
        """What to say next, in this order."""
        self._turns += turns

    @property
    def left(self) -> int:
        """Turns that nobody has asked for yet."""
        return len(self._turns)

    @property
    def asked(self) -> list[Received]:
        """The requests for an answer of a model, those that were refused among them."""
        return [each for each in self.received if each.path in APIS]

    @property
    def embedded(self) -> list[Received]:
        """The requests for embeddings, those that were refused among them."""
        return [each for each in self.received if each.path == embeddings.PATH]

    def sent(self, secret: str) -> bool:
        """Whether a text ever came in."""
        return any(secret in each.everything for each in self.received)

    async def has_asked(self, number: int) -> None:
        """Returns once so many requests for an answer have come."""
        async with self._heard:
            await self._heard.wait_for(lambda: len(self.asked) >= number)

    async def closed(self) -> None:
        """Returns when somebody has told the process to stop."""
        await asyncio.wait([self._serving])

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        received = Received(scope["method"], scope["path"], headers, await body_of(receive))
        async with self._heard:
            self.received.append(received)
            self._heard.notify_all()
        path, api = received.path, APIS.get(received.path, openai_api)
        try:
            if self.away:
                raise Refused(503, "unavailable", "the stand-in is away")
            if path.startswith("/_"):
                await _json(send, 200, self._control(received))
            elif received.method == "POST" and path in APIS:
                await self._say(api, received, receive, send)
            elif received.method == "POST" and path == embeddings.PATH:
                told = self._embed(received)
                if self.silent:
                    await stall(receive)
                await _json(send, 200, told)
            else:
                await _json(send, 200, self._look_up(received))
        except Refused as refused:
            await _json(send, refused.status, api.error(refused), refused.headers)

    def _admit(self, received: Received) -> None:
        authorization = received.headers.get("authorization", "").removeprefix("Bearer ")
        given = received.headers.get("x-api-key") or authorization
        if self.keys and given not in self.keys:
            raise Refused(401, "authentication_error", "invalid x-api-key" if given else "no key was sent")

    def _look_up(self, received: Received) -> Any:
        match received.method, received.path:
            case "GET", "/v1/models":
                self._admit(received)
                names = [{"id": name, "type": "model", "object": "model"} for name in self.models]
                return {"object": "list", "data": names, "has_more": False}
            case "GET", "/api/tags":
                return {"models": [{"name": f"{name}:latest", "model": f"{name}:latest"} for name in self.models]}
            case "GET", "/api/version":
                return {"version": "0.13.0"}
            case _:
                raise Refused(404, "not_found_error", f"no {received.method} {received.path} here")

    def _embed(self, received: Received) -> Any:
        """Scripted refusals go first, as of answers."""
        self._admit(received)
        body = self._body(received)
        if self._turns and self._turns[0].status != 200:
            self._refuse(openai_api, self._next(received))
        told = embeddings.answer(body, self.same)
        self._known(body["model"])
        if self.vectors is not None:
            told["data"] = [{**told["data"][0], "embedding": each} for each in self.vectors]
        return told

    def _control(self, received: Received) -> Any:
        """For a test in another process: POST /_script, GET /_received, GET /_state."""
        if received.path == "/_script":
            self._turns.clear()
            self.script(*map(Turn.of, json.loads(received.raw)))
            self.received.clear()
        if received.path in ("/_script", "/_state"):
            return {"left": self.left, "stalled": self.stalled}
        return [{"method": r.method, "path": r.path, "headers": r.headers, "text": r.everything} for r in self.asked]

    async def _say(self, api: ModuleType, received: Received, receive: Receive, send: Send) -> None:
        self._admit(received)
        if api is anthropic_api and "anthropic-version" not in received.headers:
            raise Refused(400, "invalid_request_error", "anthropic-version: header is required")
        body = self._body(received)
        most = api.check(body)
        self._known(body["model"])
        turn = self._next(received)
        self._refuse(api, turn)
        tokens = tokens_of(turn, body, most)
        text = turn.text if turn.tokens is not None else turn.text.encode()[: 4 * most].decode(errors="ignore")
        number = len(self.asked)
        if body.get("stream"):
            said = list(api.stream(turn, text, tokens, body, number, most))
            await self._speak(turn, said, b"text/event-stream", None, receive, send)
        else:
            whole = json.dumps(api.answer(turn, text, tokens, body, number, most)).encode()
            at = turn.cut_after if turn.cut_after is not None else turn.stall_after
            said = [whole] if at is None else [bytes([byte]) for byte in whole]
            await self._speak(turn, said, b"application/json", len(whole), receive, send)

    def _body(self, received: Received) -> dict[str, Any]:
        try:
            return received.body
        except ValueError as error:
            raise Refused(400, "invalid_request_error", f"the body is no JSON: {error}") from error

    def _known(self, model: str) -> None:
        if model not in self.models:
            raise Refused(404, "not_found_error", f"model: {model}")

    def _refuse(self, api: ModuleType, turn: Turn) -> None:
        if turn.status != 200:
            kind = api.KINDS.get(turn.status, "api_error")
            raise Refused(turn.status, kind, f"scripted {turn.status}", turn.retry_after)

    def _next(self, received: Received) -> Turn:
        text = received.raw.decode(errors="replace")
        for at, turn in enumerate(self._turns):
            if all(each in text for each in turn.holds):
                return turn if turn.again else self._turns.pop(at)
        if self.otherwise is None:
            raise Refused(418, "script_ended", "nothing more is scripted")
        return self.otherwise

    async def _speak(
        self, turn: Turn, said: list[bytes], kind: bytes, length: int | None, receive: Receive, send: Send
    ) -> None:
        headers = [(b"content-type", kind)]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        if turn.stall_after != 0:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        for at, piece in enumerate(said):
            if at == turn.cut_after:
                return  # the server ends the connection of an answer that was not finished
            if at == turn.stall_after:
                self.stalled += 1
                await stall(receive)
                self.stalled -= 1
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _json(send: Send, status: int, value: Any, more: Iterable[tuple[bytes, bytes]] = ()) -> None:
    await respond(send, status, json.dumps(value).encode(), (b"content-type", b"application/json"), *more)
