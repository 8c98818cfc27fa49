"""Vectors of texts, by the same metered way as answers: money is held before a request leaves."""

import asyncio
import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel

from orchestra.chassis.surely import surely
from orchestra.executor.adapters.models.gen_ai import chat
from orchestra.executor.adapters.models.sdk.clients import permitted
from orchestra.executor.adapters.models.sdk.digest import FRAME_TOKENS
from orchestra.executor.adapters.models.sdk.metered import Terms
from orchestra.executor.adapters.models.sdk.settling import settle, took, usage_of
from orchestra.executor.application.models.ports import Request, Spent
from orchestra.executor.domain.models.failure import Failed, Failure

Vectors = Sequence[Sequence[float]]

UNREADABLE = Failure("invalid", "perhaps", "its answer is no vector for each text")


@dataclass(frozen=True)
class MeteredEmbeddings:
    wrapped: OpenAIEmbeddingModel
    terms: Terms

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One vector a text, in their order. Raises Failed, and what the meter refuses with."""
        terms = self.terms
        named = f"{terms.provider.name}/{terms.model.id}"
        most = FRAME_TOKENS + sum(len(text.encode()) for text in texts)
        digest = hashlib.sha256(json.dumps([named, list(texts)]).encode()).hexdigest()
        request = Request(
            terms.caller, terms.provider.name, terms.model.name, terms.price.version, digest, most_tokens=most
        )
        vectors = await terms.gate.through(lambda: self._once(request, terms.price.ceiling(most, 0), texts))
        if not _are_vectors(vectors, len(texts)):
            raise Failed(UNREADABLE)
        return vectors

    async def _once(self, request: Request, ceiling: int, texts: Sequence[str]) -> Vectors:
        terms = self.terms
        ticket = await terms.meter.begin(request, ceiling)
        began = time.monotonic()
        with chat(request, terms.provider, terms.model, 0, terms.secrets, "embeddings") as told:
            told.asked("\n".join(texts))
            try:
                with permitted(terms.reach):
                    async with asyncio.timeout(terms.provider.patience.total_s):
                        answer = await self.wrapped.embed(list(texts), input_type="document")
            except BaseException as error:
                failed = await surely(settle(terms.meter, ticket, request, error, told))
                took(told, began, failed.failure.reason if failed else "unknown")
                if failed is None:
                    raise
                raise failed from None  # what the library says may hold what was asked, or the key
            usage = usage_of(answer.usage)
            spent = Spent("answered", ticket.limit_micros if usage is None else terms.price.cost(usage), usage)
            told.spent(spent)
            await surely(terms.meter.end(ticket, request, spent))
            took(told, began, "answered")
            return answer.embeddings


def _are_vectors(vectors: Vectors, count: int) -> bool:
    """As many as texts, all of one length, of numbers, and each with a direction."""
    return (
        len(vectors) == count
        and len({len(vector) for vector in vectors}) == 1
        and all(any(vector) and all(_is_number(each) for each in vector) for vector in vectors)
    )


def _is_number(value: object) -> bool:
    """The library hands on what came over the wire."""
    return isinstance(value, int | float) and math.isfinite(value)
