"""What a request came to, told to the meter, whatever became of whoever asked."""

import time

from pydantic_ai.usage import RequestUsage

from orchestra.executor.adapters.models.gen_ai import DURATION, Told
from orchestra.executor.adapters.models.sdk.failures import failure_of
from orchestra.executor.application.models.ports import Meter, Request, Spent, Ticket
from orchestra.executor.domain.models.failure import Failed
from orchestra.executor.domain.models.usage import UnusableUsage, Usage


async def settle(meter: Meter, ticket: Ticket, request: Request, error: BaseException, told: Told) -> Failed | None:
    """Tell the meter what a request came to that raised; None where it was stopped from within."""
    failure = failure_of(error)
    if failure is not None:
        told.failed(failure)
    if failure is not None and failure.served == "no":
        await meter.failed(ticket, request, failure)
    else:  # a fault of ours too: it may have happened before or after the request was served
        await unknown(meter, ticket, request, told)
    return Failed(failure) if failure is not None else None


async def unknown(meter: Meter, ticket: Ticket, request: Request, told: Told) -> None:
    spent = Spent("unknown", ticket.limit_micros, None)
    told.spent(spent)
    await meter.end(ticket, request, spent)


def usage_of(told: RequestUsage) -> Usage | None:
    """None where it cannot be right."""
    try:
        usage = Usage(told.input_tokens, told.output_tokens, told.cache_read_tokens, told.cache_write_tokens)
    except UnusableUsage:
        return None
    return usage if usage.input else None


def took(told: Told, began: float, outcome: str) -> None:
    DURATION.record(time.monotonic() - began, {**told.labels, "outcome": outcome})
