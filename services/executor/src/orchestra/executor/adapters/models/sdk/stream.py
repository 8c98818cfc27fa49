"""A stream that is metered as it goes: it is stopped before it costs more than was held for it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai.messages import PartDeltaEvent, PartStartEvent
from pydantic_ai.models import StreamedResponse

from orchestra.executor.adapters.models.gen_ai import Told
from orchestra.executor.adapters.models.sdk.failures import failure_of
from orchestra.executor.application.models.ports import LimitMet, Ticket
from orchestra.executor.domain.models.catalogue import Pricing
from orchestra.executor.domain.models.failure import Failed
from orchestra.executor.domain.models.usage import UnusableUsage, Usage

BYTES_A_TOKEN = 3
"""While a stream tells no tokens so many bytes count as one. Most tokens have more: it stops rather early."""


@dataclass
class Watch:
    stream: StreamedResponse
    ticket: Ticket
    price: Pricing
    model: str
    total_s: float
    told: Told
    ended: bool = False
    stopped: bool = False
    _bytes: int = 0
    _text: list[str] = field(default_factory=list[str])

    async def begin(self) -> None:
        """Wait for the first piece, so that what fails before is tried again, and put the watch before the rest."""
        events = aiter(self.stream)
        until = asyncio.get_running_loop().time() + self.total_s
        async with asyncio.timeout_at(until):
            first = await anext(events, None)
        # The library has no place for a watch; what iterates a stream asks it for this.
        self.stream._event_iterator = self._watched(first, events, until)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]

    async def _watched(self, first: Any, events: AsyncIterator[Any], until: float) -> AsyncIterator[Any]:
        event = first
        while event is not None:
            self._count(event)
            if self._cost() > self.ticket.limit_micros:
                self.stopped = True
                raise LimitMet(self.model, self.ticket.limit_micros, "".join(self._text))
            yield event
            try:
                async with asyncio.timeout_at(until):
                    event = await anext(events, None)
            except Exception as error:
                failure = failure_of(error)
                if failure is None:
                    raise
                raise Failed(failure) from None
        self.ended = True

    def _count(self, event: Any) -> None:
        piece: Any = None
        if isinstance(event, PartStartEvent):
            piece = getattr(event.part, "content", None) or getattr(event.part, "args", None)
        elif isinstance(event, PartDeltaEvent):
            piece = getattr(event.delta, "content_delta", None) or getattr(event.delta, "args_delta", None)
        if piece is None:
            return
        text = piece if isinstance(piece, str) else str(piece)
        self._bytes += len(text.encode())
        if isinstance(piece, str):
            self._text.append(piece)

    def so_far(self) -> Usage | None:
        told = self.stream.usage
        output = max(told.output_tokens, -(-self._bytes // BYTES_A_TOKEN))
        try:
            return Usage(told.input_tokens, output, told.cache_read_tokens, told.cache_write_tokens)
        except UnusableUsage:
            return None

    def _cost(self) -> int:
        usage = self.so_far()
        return self.price.cost(usage) if usage is not None else 0
