"""Vectors that say what a text means, and findings put into one order by several."""

import math
import struct
from collections.abc import Iterable, Sequence
from heapq import nlargest
from operator import mul

DAMPING = 60
"""Of reciprocal rank fusion, as its authors have it: how little the first places count before the next ones."""


def packed(vector: Sequence[float]) -> bytes:
    """Of length 1, each number in 4 bytes. The vector has a direction, and numbers that are finite."""
    largest = max(abs(number) for number in vector)
    scaled = [number / largest for number in vector]  # whose squares neither vanish nor overflow
    length = math.sqrt(sum(map(mul, scaled, scaled)))
    return struct.pack(f"<{len(vector)}f", *(number / length for number in scaled))


def nearest(question: bytes, known: Iterable[tuple[str, bytes]], most: int) -> list[str]:
    """The ids whose vectors point most as the question's does. Vectors of another length are of another model."""
    asked = _unpacked(question)
    near = ((sum(map(mul, asked, _unpacked(each))), name) for name, each in known if len(each) == len(question))
    return [name for _, name in nlargest(most, near)]


def fused(*rankings: Sequence[str]) -> list[str]:
    """Reciprocal rank fusion: what stands high in several orders goes before what stands high in one."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for place, name in enumerate(ranking, 1):
            scores[name] = scores.get(name, 0.0) + 1 / (DAMPING + place)
    return sorted(scores, key=lambda name: -scores[name])  # stable: of equals the first told


def _unpacked(vector: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(vector) // 4}f", vector)
