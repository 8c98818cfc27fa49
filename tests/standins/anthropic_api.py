"""The Anthropic Messages API, as far as a client of ours could get it wrong."""

import json
from collections.abc import Iterator
from typing import Any

from tests.standins.faults import Refused, check_tool_schemas, positive, text_of, wrong
from tests.standins.turns import Tokens, Turn, count, pieces

Json = dict[str, Any]


def check(body: Json) -> int:
    """Raises Refused for a request that the API would not take; its max_tokens."""
    if not isinstance(body.get("model"), str):
        raise wrong("model: Field required")
    most = positive(body, "max_tokens")
    if most is None:
        raise wrong("max_tokens: Field required")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise wrong("messages: at least one message is required")
    if messages[0].get("role") != "user":
        raise wrong("messages: first message must use the user role")
    asked: set[str] = set()
    for at, message in enumerate(messages):
        role = message.get("role")
        if role not in ("user", "assistant"):
            raise wrong(f"messages.{at}.role: user or assistant, not {role!r}")
        if at and role == messages[at - 1]["role"]:
            raise wrong(f"messages.{at}: roles must alternate")
        asked = _check_content(message.get("content"), role, f"messages.{at}", asked)
    if asked:
        raise wrong(f"tool_use ids were found without tool_result blocks immediately after: {', '.join(sorted(asked))}")
    if "tools" in body:
        check_tool_schemas(body["tools"], nested=False)
    return most


def _check_content(content: Any, role: str, place: str, asked: set[str]) -> set[str]:
    """The ids of the tools that this message calls; `asked` are those that it has to answer."""
    if not text_of(content, place) and not isinstance(content, list):
        raise wrong(f"{place}: text content blocks must be non-empty")
    blocks: list[Json] = content if isinstance(content, list) else []
    answered = [block["tool_use_id"] for block in blocks if block["type"] == "tool_result"]
    if orphans := [each for each in answered if each not in asked]:
        raise wrong(f"{place}: unexpected tool_use_id found in tool_result blocks: {', '.join(orphans)}")
    if missing := asked - set(answered):
        raise wrong(f"{place}: tool_use ids were found without tool_result blocks: {', '.join(sorted(missing))}")
    return {block["id"] for block in blocks if block["type"] == "tool_use" and role == "assistant"}


def _stop(turn: Turn, most: int) -> str:
    if turn.tokens is None and count(turn.text) > most:
        return "max_tokens"
    return "tool_use" if turn.tools else "end_turn"


def _usage(tokens: Tokens) -> Json:
    return {
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "cache_read_input_tokens": tokens.cache_read,
        "cache_creation_input_tokens": tokens.cache_write,
    }


def _blocks(turn: Turn, text: str, number: int) -> list[Json]:
    said: list[Json] = [{"type": "text", "text": text}] if text else []
    return said + [
        {"type": "tool_use", "id": f"toolu_{number}_{at}", "name": tool.name, "input": tool.arguments}
        for at, tool in enumerate(turn.tools)
    ]


def answer(turn: Turn, text: str, tokens: Tokens, body: Json, number: int, most: int) -> Json:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": _blocks(turn, text, number),
        "stop_reason": _stop(turn, most),
        "stop_sequence": None,
        "usage": _usage(tokens),
    }


def stream(turn: Turn, text: str, tokens: Tokens, body: Json, number: int, most: int) -> Iterator[bytes]:
    """One server-sent event each."""
    whole = answer(turn, text, tokens, body, number, most)
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    yield _event("message_start", message=begun)
    for at, block in enumerate(whole["content"]):
        if block["type"] == "text":
            yield _event("content_block_start", index=at, content_block={"type": "text", "text": ""})
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
        else:
            yield _event("content_block_start", index=at, content_block={**block, "input": {}})
            written = pieces(json.dumps(block["input"]))
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in written]
        for delta in deltas:
            yield _event("content_block_delta", index=at, delta=delta)
        yield _event("content_block_stop", index=at)
    end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=end, usage=whole["usage"])
    yield _event("message_stop")


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def error(refused: Refused) -> Json:
    return {"type": "error", "error": {"type": refused.kind, "message": str(refused)}, "request_id": "req_standin"}


KINDS = {429: "rate_limit_error", 529: "overloaded_error", 500: "api_error"}
