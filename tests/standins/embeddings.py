"""OpenAI's embeddings API, as far as a client of ours could get it wrong; Ollama speaks it too.

A vector counts a text's words, each in a place of its own, so that texts with the same words are near one another;
words that `same` gives one meaning share a place.
"""

import base64
import re
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from tests.standins.faults import wrong
from tests.standins.turns import count

PATH = "/v1/embeddings"
LENGTH = 256


def answer(body: dict[str, Any], same: Mapping[str, str]) -> dict[str, Any]:
    """Raises Refused for a request that the API would not take."""
    if not isinstance(body.get("model"), str):
        raise wrong("you must provide a model parameter")
    texts = body.get("input")
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not 1 <= len(texts) <= 2048:
        raise wrong("input: a string or a list of 1 to 2048 of them")
    if not all(isinstance(text, str) and text for text in texts):
        raise wrong("input: no string may be empty")
    written = body.get("encoding_format", "float")
    if written not in ("float", "base64"):
        raise wrong("encoding_format: float or base64")
    vectors = [_vector(text, same) for text in texts]
    tokens = sum(map(count, texts))
    return {
        "object": "list",
        "model": body["model"],
        "data": [
            {"object": "embedding", "index": at, "embedding": _packed(each) if written == "base64" else each}
            for at, each in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _vector(text: str, same: Mapping[str, str]) -> list[float]:
    vector = [0.0] * LENGTH
    vector[0] = 0.01  # a text without words points somewhere too
    for word in re.findall(r"\w+", text.lower()):
        vector[1 + zlib.crc32(same.get(word, word).encode()) % (LENGTH - 1)] += 1.0
    return vector


def _packed(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
