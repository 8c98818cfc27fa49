"""Accept what other services want to have asked, and what they want no more."""

from orchestra.contracts.models import ModelCallCancelled, ModelCallRequested
from orchestra.executor.application.calls.ports import CallingWork

CALLS, CALL_LEASES = "calls", "call leases"
"""What the loops of calls are woken by."""


async def accept_call(work: CallingWork, part: ModelCallRequested) -> None:
    """Keep the part; once all have come the call is queued."""
    if (gathered := await work.gathered(part)) is None:
        return
    parts = list(gathered)
    sealed = "".join(each.sealed for each in parts)
    whole = parts[0].model_copy(update={"sealed": sealed, "part": 1, "parts": 1})
    await work.calls.accept(whole, work.traces[0])
    work.wake(CALLS)


async def cancel_call(work: CallingWork, event: ModelCallCancelled) -> None:
    await work.calls.cancel(event)
    work.wake(CALL_LEASES)
