"""Ask a model, outside any transaction and under a lease."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from orchestra.contracts.models import Prompt, Usage
from orchestra.contracts.planning import Fault
from orchestra.executor.application.calls.ports import Answered, Away, CallEnding, HeldCall, Unanswered
from orchestra.executor.application.models.ports import (
    Answer,
    Call,
    Caller,
    InvalidAnswer,
    LimitMet,
    ModelAway,
    ModelRefused,
    Models,
    NoModel,
    Said,
)
from orchestra.executor.application.performance import until_stopped
from orchestra.executor.domain.attempt import Failed
from orchestra.executor.domain.money.errors import BudgetExhausted

Opened = Callable[[], Awaitable[Models]]
"""Models that can be asked. Raises NoModel."""

REST = timedelta(seconds=30)
"""Until models that are away are asked again, where none of them says when."""


async def perform_call(
    models: Opened, call: HeldCall, prompt: Prompt, seconds: float, stopped: asyncio.Future[Failed]
) -> CallEnding:
    """What became of it, at the latest after so many seconds or once `stopped` has a result."""
    asking = await until_stopped(_ask(models, call, prompt), stopped, seconds)
    if not asking.cancelled():
        return asking.result()
    if stopped.done():
        return Unanswered(stopped.result().failure, stopped.result().reason)
    return Unanswered("timeout", "There was no answer by the deadline.", retryable=True)


async def _ask(models: Opened, call: HeldCall, prompt: Prompt) -> CallEnding:
    try:
        answer = await (await models()).ask(_wanted(call, prompt))
    except NoModel as none:
        return Unanswered("no-model", str(none))
    except ModelAway as away:
        return Away(str(away), REST if away.retry_after is None else timedelta(seconds=away.retry_after))
    except BudgetExhausted as exhausted:
        return Unanswered("budget-exhausted", str(exhausted))
    except InvalidAnswer as invalid:
        faults = tuple(Fault(pointer="", code="bad-answer", detail=detail) for detail in invalid.faults)
        return Unanswered("bad-answer", str(invalid), faults=faults)
    except (ModelRefused, LimitMet) as refused:
        return Unanswered("provider", str(refused))
    return _answered(answer)


def _wanted(call: HeldCall, prompt: Prompt) -> Call:
    request = call.request
    return Call(
        Caller(
            request.workspace_id,
            request.purpose,
            request.project_id,
            attempt_id=call.id,
            token=call.token,
            replay=call.id,
        ),
        tuple(Said(turn.by, turn.text) for turn in prompt.turns),
        instructions=prompt.system,
        schema=request.output_schema or None,
        max_tokens=request.max_tokens,
        kind=request.kind_of_work,
        difficulty=request.difficulty,
    )


def _answered(answer: Answer) -> Answered:
    used = answer.usage
    usage = Usage(
        input=used.input,
        output=used.output,
        cache_read=used.cache_read,
        cache_write=used.cache_write,
        requests=answer.requests,
    )
    return Answered(answer.text, answer.model, answer.provider, usage)
