"""The one way to a provider: money is held before a request leaves, and what became of it is told after.

A request that is recorded is not sent. One whose outcome nobody knows costs all that was held for it; a further try is
a request of its own, with a ticket of its own.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from pydantic_ai._run_context import RunContext
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models import CompletedStreamedResponse, ModelRequestParameters, StreamedResponse
from pydantic_ai.models import Model as SdkModel
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from orchestra.chassis.surely import surely
from orchestra.executor.adapters.models.gen_ai import Told, chat
from orchestra.executor.adapters.models.reach import Reach
from orchestra.executor.adapters.models.sdk.clients import permitted
from orchestra.executor.adapters.models.sdk.digest import digest, freeze, most_tokens, thaw
from orchestra.executor.adapters.models.sdk.gate import Gate
from orchestra.executor.adapters.models.sdk.settling import settle, took, unknown, usage_of
from orchestra.executor.adapters.models.sdk.stream import Watch
from orchestra.executor.application.models.ports import Caller, Meter, Recorder, Request, Spent, Ticket
from orchestra.executor.domain.models.catalogue import Pricing
from orchestra.executor.domain.models.provider import Provider
from orchestra.executor.domain.models.routing import Model


@dataclass(frozen=True)
class Terms:
    """On what terms one caller asks one model."""

    caller: Caller
    provider: Provider
    model: Model
    price: Pricing
    meter: Meter
    recorder: Recorder
    gate: Gate
    reach: Reach
    secrets: tuple[str, ...] = ()
    """What no span may hold: the key."""


@dataclass(frozen=True)
class _Sending:
    request: Request
    ceiling: int
    settings: ModelSettings
    messages: list[ModelMessage]
    asks: ModelRequestParameters

    @property
    def most(self) -> int:
        return self.settings.get("max_tokens", 0)


class NotRecorded(Exception):
    """The answer to this request is not recorded."""


_recorded_alone: ContextVar[bool] = ContextVar("recorded_alone", default=False)


@contextmanager
def recorded_alone() -> Generator[None]:
    """Within it nobody is asked: a request whose answer is not recorded raises NotRecorded."""
    token = _recorded_alone.set(True)
    try:
        yield
    finally:
        _recorded_alone.reset(token)


class MeteredModel(WrapperModel):
    def __init__(self, wrapped: SdkModel, terms: Terms) -> None:
        super().__init__(wrapped)
        self.terms = terms

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Raises Failed, and what the meter refuses with."""
        sending = self._prepare(messages, model_settings, model_request_parameters)
        if (kept := await self.terms.recorder.find(sending.request)) is not None:
            return thaw(kept)
        if _recorded_alone.get():
            raise NotRecorded
        return await self.terms.gate.through(lambda: self._once(sending))

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Further tries are made until the stream has begun. Raises as `request`, and LimitMet where it is read."""
        sending = self._prepare(messages, model_settings, model_request_parameters)
        if (kept := await self.terms.recorder.find(sending.request)) is not None:
            yield CompletedStreamedResponse(
                thaw(kept), model_request_parameters=model_request_parameters, replay_events=True
            )
            return
        async with AsyncExitStack() as opened:
            watch = await self.terms.gate.through(lambda: self._open(sending, run_context, opened))
            try:
                yield watch.stream
                answer = watch.stream.get()
            except BaseException as error:
                await surely(self._settle_broken(watch, error, sending))
                raise
            if not watch.ended:
                await unknown(self.terms.meter, watch.ticket, sending.request, watch.told)
                return
            await self._answered(watch.ticket, sending.request, answer, watch.told)

    async def count_tokens(self, *_: Any, **__: Any) -> RequestUsage:
        """Would be a request that nobody metered."""
        raise NotImplementedError("tokens are counted from what is sent")

    def _prepare(
        self, messages: list[ModelMessage], settings: ModelSettings | None, asks: ModelRequestParameters
    ) -> _Sending:
        """Raises UnknownSize."""
        bounded: ModelSettings = {**(self.wrapped.settings or {}), **(settings or {})}
        bounded["max_tokens"] = bounded.get("max_tokens") or self.terms.model.max_tokens
        terms = self.terms
        named = f"{terms.provider.name}/{terms.model.id}"
        most_in, most_out = most_tokens(messages, asks), bounded["max_tokens"]
        request = Request(
            terms.caller,
            terms.provider.name,
            terms.model.name,
            terms.price.version,
            digest(named, messages, bounded, asks),
            most_in + most_out,
        )
        ceiling = terms.price.ceiling(most_in, most_out)
        return _Sending(request, ceiling, bounded, messages, asks)

    async def _once(self, sending: _Sending) -> ModelResponse:
        terms, request = self.terms, sending.request
        ticket = await terms.meter.begin(request, sending.ceiling)
        began = time.monotonic()
        with chat(request, terms.provider, terms.model, sending.most, terms.secrets) as told:
            told.asked(_text(sending.messages))
            try:
                with permitted(terms.reach):
                    async with asyncio.timeout(terms.provider.patience.total_s):
                        answer = await self.wrapped.request(sending.messages, sending.settings, sending.asks)
            except BaseException as error:
                failed = await surely(settle(terms.meter, ticket, request, error, told))
                took(told, began, failed.failure.reason if failed else "unknown")
                if failed is None:
                    raise
                raise failed from None  # what the library says may hold what was asked, or the key
            await self._answered(ticket, request, answer, told)
            took(told, began, "answered")
            return answer

    async def _open(self, sending: _Sending, context: RunContext[Any] | None, opened: AsyncExitStack) -> Watch:
        terms, request = self.terms, sending.request
        ticket = await terms.meter.begin(request, sending.ceiling)
        async with AsyncExitStack() as stack:
            told = stack.enter_context(chat(request, terms.provider, terms.model, sending.most, terms.secrets))
            told.asked(_text(sending.messages))
            try:
                stack.enter_context(permitted(terms.reach))
                stream = await stack.enter_async_context(
                    self.wrapped.request_stream(sending.messages, sending.settings, sending.asks, context)
                )
                watch = Watch(stream, ticket, terms.price, terms.model.name, terms.provider.patience.total_s, told)
                await watch.begin()
            except BaseException as error:
                failed = await surely(settle(terms.meter, ticket, request, error, told))
                if failed is None:
                    raise
                raise failed from None
            opened.push_async_exit(stack.pop_all().__aexit__)
            return watch

    async def _settle_broken(self, watch: Watch, error: BaseException, sending: _Sending) -> None:
        if watch.stopped:
            await self.terms.meter.end(
                watch.ticket, sending.request, Spent("stopped", watch.ticket.limit_micros, watch.so_far())
            )
            return
        await settle(self.terms.meter, watch.ticket, sending.request, error, watch.told)

    async def _answered(self, ticket: Ticket, request: Request, answer: ModelResponse, told: Told) -> None:
        usage = usage_of(answer.usage)
        # A provider that tells no tokens, or impossible ones, has cost what was held: never nothing.
        cost = self.terms.price.cost(usage) if usage is not None else ticket.limit_micros
        spent = Spent("answered", cost, usage)
        told.answered(answer.text or "", answer.provider_response_id, answer.model_name, answer.finish_reason)
        told.spent(spent)
        await surely(self._keep(request, ticket, answer, spent))

    async def _keep(self, request: Request, ticket: Ticket, answer: ModelResponse, spent: Spent) -> None:
        await self.terms.recorder.keep(request, ticket, freeze(answer), spent)
        await self.terms.meter.end(ticket, request, spent)


def _text(messages: list[ModelMessage]) -> str:
    parts = [getattr(part, "content", "") for message in messages for part in message.parts]
    return "\n".join(part for part in parts if isinstance(part, str))
