"""Record what became of calls, and tell whoever asked."""

from collections.abc import Iterable
from typing import Any

from orchestra.chassis.sealing import pieces
from orchestra.contracts.models import ModelCallFailed, ModelCallRequested, ModelCallSucceeded
from orchestra.executor.application.calls.accept_call import CALLS
from orchestra.executor.application.calls.ports import Answered, Away, CallEnding, CallingWork, HeldCall, Unanswered

LOST = Unanswered("lost", "Whoever asked the provider is gone, and so it was more than once.", retryable=True)


async def record_call(work: CallingWork, call: HeldCall, ending: CallEnding) -> None:
    """Once, by the holder of the lease; a late holder's ending is neither written nor told."""
    match ending:
        case Away():
            await _put_off(work, call, ending)
        case Answered():
            if await work.calls.end(call, None):
                work.publish(*await _succeeded(work, call, ending), trace=call.trace)
        case Unanswered():
            if await work.calls.end(call, ending.code):
                work.publish(await _failed(work, call, ending), trace=call.trace)


async def _put_off(work: CallingWork, call: HeldCall, away: Away) -> None:
    until = work.now + away.pause
    if until < call.request.deadline:
        await work.calls.put_off(call, until)
    else:
        await record_call(work, call, Unanswered("away", away.detail, retryable=True))


async def take_up_again(work: CallingWork, lost: Iterable[HeldCall]) -> None:
    """Calls whose holder is gone: each is asked once more, until it was tried too often."""
    for call in lost:
        if await work.calls.queue_again(call):
            work.wake(CALLS)
        else:
            await record_call(work, call, LOST)


async def _succeeded(work: CallingWork, call: HeldCall, ending: Answered) -> list[ModelCallSucceeded]:
    sealed, cost = work.seal(ending.text, call.id), await work.spent_by(call.id)
    parts = pieces(sealed)
    return [
        ModelCallSucceeded(
            sealed=piece,
            model=ending.model,
            provider=ending.provider,
            usage=ending.usage,
            cost_micros=cost,
            part=part,
            parts=len(parts),
            **_which(call.request),
        )
        for part, piece in enumerate(parts, start=1)
    ]


async def _failed(work: CallingWork, call: HeldCall, ending: Unanswered) -> ModelCallFailed:
    return ModelCallFailed(
        code=ending.code,
        detail=ending.detail,
        faults=ending.faults,
        retryable=ending.retryable,
        cost_micros=await work.spent_by(call.id),
        **_which(call.request),
    )


def _which(request: ModelCallRequested) -> dict[str, Any]:
    return {
        "workspace_id": request.workspace_id,
        "project_id": request.project_id,
        "sequence": 3,
        "call_id": request.call_id,
    }
