"""What a request is, without what changes from one to the next of the same: its digest, and the most tokens it has."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings

PASSING = frozenset({"timestamp", "run_id", "conversation_id", "usage", "provider_url", "metadata", "failed_attempts"})
"""Fields of messages that nobody's answer depends on, and that differ between two runs."""

FILE_TOKENS = 20_000
"""At most, of an image or another file beside its bytes."""
FRAME_TOKENS = 2_000
"""At most, of what a provider writes around a request: roles, and how tools are to be used."""
REMOTE = frozenset({"image-url", "audio-url", "video-url", "document-url"})

_RESPONSE = TypeAdapter(ModelResponse)


class UnknownSize(ValueError):
    """A file that the provider is to fetch by its address may have any number of tokens: hand it over instead."""


def digest(model: str, messages: Sequence[ModelMessage], settings: ModelSettings, asks: ModelRequestParameters) -> str:
    parts = [model, _lasting(_written(messages)), dict(settings), _lasting(_asked(asks))]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def most_tokens(messages: Sequence[ModelMessage], asks: ModelRequestParameters) -> int:
    """No request has more tokens than bytes, and what a provider adds. Raises UnknownSize."""
    written = _written(messages)
    kinds = list(_kinds(written))
    if REMOTE & set(kinds):
        raise UnknownSize((UnknownSize.__doc__ or "").strip())
    asked = json.dumps([written, _asked(asks)], default=str, ensure_ascii=False).encode()
    return len(asked) + FRAME_TOKENS + FILE_TOKENS * sum(kind == "binary" for kind in kinds)


def freeze(answer: ModelResponse) -> bytes:
    return _RESPONSE.dump_json(answer)


def thaw(kept: bytes) -> ModelResponse:
    return _RESPONSE.validate_json(kept)


def _written(messages: Sequence[ModelMessage]) -> Any:
    return ModelMessagesTypeAdapter.dump_python(list(messages), mode="json")


def _asked(asks: ModelRequestParameters) -> Any:
    tools = [*asks.function_tools, *asks.output_tools]
    output = asks.output_object
    return {
        "tools": [[tool.name, tool.description, tool.parameters_json_schema] for tool in tools],
        "native": [str(tool) for tool in asks.native_tools],
        "output": None if output is None else asdict(output),
        "mode": asks.output_mode,
        "text": asks.allow_text_output,
        "instructions": [part.content for part in asks.instruction_parts or ()],
    }


def _lasting(value: Any) -> Any:
    match value:
        case dict():
            fields = cast("dict[str, Any]", value)
            return {name: _lasting(each) for name, each in fields.items() if name not in PASSING}
        case list():
            return [_lasting(each) for each in cast("list[Any]", value)]
        case _:
            return value


def _kinds(value: Any) -> Iterator[str]:
    match value:
        case dict():
            fields = cast("dict[str, Any]", value)
            if isinstance(kind := fields.get("kind"), str):
                yield kind
            for each in fields.values():
                yield from _kinds(each)
        case list():
            for each in cast("list[Any]", value):
                yield from _kinds(each)
        case _:
            return
