"""Take calls under lease; those whose time is over have their end at once."""

from orchestra.executor.application.attempts import Lease
from orchestra.executor.application.calls.ports import CallingWork, HeldCall, Unanswered
from orchestra.executor.application.calls.record_call import record_call
from orchestra.executor.application.claim_attempts import Claim

TOO_LATE = Unanswered("timeout", "There was no answer by the deadline.", retryable=True)


async def claim_calls(work: CallingWork, lease: Lease, slots: int) -> Claim[HeldCall]:
    to_perform: list[HeldCall] = []
    late: list[HeldCall] = []
    for call in await work.calls.claim(lease, slots=slots):
        (late if call.request.deadline <= work.now else to_perform).append(call)
    for call in late:
        await record_call(work, call, TOO_LATE)
    return Claim(to_perform, more=bool(late))
