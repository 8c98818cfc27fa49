"""The OpenAI chat completions API, as far as a client of ours could get it wrong; Ollama speaks it too."""

import json
from collections.abc import Iterator
from typing import Any

from tests.standins.faults import Refused, check_tool_schemas, positive, text_of, wrong
from tests.standins.turns import Tokens, Turn, count, pieces

Json = dict[str, Any]
ROLES = ("system", "developer", "user", "assistant", "tool")
UNLIMITED = 1_000_000


def check(body: Json) -> int:
    """Raises Refused for a request that the API would not take; the most tokens that the answer may have."""
    if not isinstance(body.get("model"), str):
        raise wrong("you must provide a model parameter")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise wrong("messages: at least one message is required")
    asked: set[str] = set()
    for at, message in enumerate(messages):
        asked = _check_message(message, f"messages.{at}", asked)
    if asked:
        raise wrong(f"tool_call_ids did not have response messages: {', '.join(sorted(asked))}")
    if "tools" in body:
        check_tool_schemas(body["tools"], nested=True)
    return positive(body, "max_completion_tokens", "max_tokens") or UNLIMITED


def _check_message(message: Json, place: str, asked: set[str]) -> set[str]:
    role = message.get("role")
    if role not in ROLES:
        raise wrong(f"{place}.role: one of {', '.join(ROLES)}, not {role!r}")
    if role == "tool":
        if message.get("tool_call_id") not in asked:
            raise wrong(f"{place}: messages with role 'tool' must be a response to a preceding message with tool_calls")
        return asked - {message["tool_call_id"]}
    if asked:
        raise wrong(f"{place}: tool_call_ids did not have response messages: {', '.join(sorted(asked))}")
    calls: list[Json] = message.get("tool_calls") or []
    if not calls and message.get("content") is None:
        raise wrong(f"{place}.content: expected a string, got null")
    if message.get("content") is not None:
        text_of(message["content"], place)
    return {call["id"] for call in calls}


def _usage(tokens: Tokens) -> Json:
    asked = tokens.input + tokens.cache_read + tokens.cache_write
    return {
        "prompt_tokens": asked,
        "completion_tokens": tokens.output,
        "total_tokens": asked + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cache_read},
    }


def _tool_calls(turn: Turn, number: int) -> list[Json]:
    return [
        {
            "id": f"call_{number}_{at}",
            "type": "function",
            "function": {"name": tool.name, "arguments": json.dumps(tool.arguments)},
        }
        for at, tool in enumerate(turn.tools)
    ]


def _stop(turn: Turn, most: int) -> str:
    if turn.tokens is None and count(turn.text) > most:
        return "length"
    return "tool_calls" if turn.tools else "stop"


def answer(turn: Turn, text: str, tokens: Tokens, body: Json, number: int, most: int) -> Json:
    message: Json = {"role": "assistant", "content": text or None}
    if turn.tools:
        message["tool_calls"] = _tool_calls(turn, number)
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": _stop(turn, most)}],
        "usage": _usage(tokens),
    }


def stream(turn: Turn, text: str, tokens: Tokens, body: Json, number: int, most: int) -> Iterator[bytes]:
    """One server-sent event each."""
    about = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 1_790_000_000}
    about["model"] = body["model"]

    def chunk(delta: Json, reason: str | None = None) -> bytes:
        return _event({**about, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]})

    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces(text):
        yield chunk({"content": piece})
    for at, call in enumerate(_tool_calls(turn, number)):
        yield chunk({"tool_calls": [{"index": at, **call}]})
    yield chunk({}, _stop(turn, most))
    if (body.get("stream_options") or {}).get("include_usage"):
        yield _event({**about, "choices": [], "usage": _usage(tokens)})
    yield b"data: [DONE]\n\n"


def _event(value: Json) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()


def error(refused: Refused) -> Json:
    return {"error": {"message": str(refused), "type": refused.kind, "param": None, "code": None}}


KINDS = {429: "rate_limit_exceeded", 529: "overloaded", 500: "server_error"}
