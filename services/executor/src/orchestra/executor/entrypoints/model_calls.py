"""Model calls that other services want."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from orchestra.chassis.errors import Transient, Unavailable
from orchestra.chassis.sealing import Sealer
from orchestra.chassis.telemetry.logging import logger
from orchestra.chassis.telemetry.tracing import span
from orchestra.contracts.models import Prompt
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.attempts import Lease
from orchestra.executor.application.calls.accept_call import CALL_LEASES, CALLS
from orchestra.executor.application.calls.claim_calls import claim_calls
from orchestra.executor.application.calls.keep_calls import keep_calls, lose_calls_of
from orchestra.executor.application.calls.perform_call import Opened, perform_call
from orchestra.executor.application.calls.ports import Away, CallEnding, EndedCall, HeldCall, Unanswered
from orchestra.executor.application.calls.record_call import record_call
from orchestra.executor.application.claim_attempts import Claim
from orchestra.executor.application.money.ports import Purse
from orchestra.executor.application.performance import Performance

log = logger("calls")

PAUSE = timedelta(seconds=2)
"""Until a call is taken up again that the database kept from being made."""


class ModelCalls:
    name, endings, leases = CALLS, "call endings", CALL_LEASES

    def __init__(self, models: Opened, sealer: Sealer, purse: Purse) -> None:
        self._models = models
        self._sealer = sealer
        self._purse = purse

    async def claim(self, work: ExecutorWork, lease: Lease, slots: int) -> Claim[HeldCall]:
        return await claim_calls(work, lease, slots)

    async def perform(self, performance: Performance[HeldCall]) -> EndedCall:
        call = performance.held
        attributes = {"orchestra.call.id": call.id, "orchestra.call.purpose": call.request.purpose}
        with span("model call", call.trace, service="executor", root=True, attributes=attributes):
            try:
                ending = await self._ask(performance)
            except (Unavailable, Transient) as away:
                ending = Away(
                    f"The executor's database is away: {away}", PAUSE
                )  # nobody has answered, and nobody refused
            except Exception as error:
                log.exception("call broke off", call_id=call.id)
                detail = f"The executor could not ask: {type(error).__name__}."  # its text may hold what was asked
                ending = Unanswered("internal-error", detail)
            code = ending.code if isinstance(ending, Unanswered) else None
            log.info("call", call_id=call.id, workspace_id=call.request.workspace_id, code=code)
        return EndedCall(call, ending)

    async def _ask(self, performance: Performance[HeldCall]) -> CallEnding:
        call = performance.held
        prompt = Prompt.model_validate_json(self._sealer.open(call.request.sealed, call.id))
        await self._purse.recover(call.id, call.token)  # what one who was killed has left, before it is asked again
        left = (call.request.deadline - datetime.now(UTC)).total_seconds()
        return await perform_call(self._models, call, prompt, left, performance.stopped)

    async def record(self, work: ExecutorWork, started: Sequence[HeldCall], ended: Sequence[EndedCall]) -> None:
        del started  # nobody is told of a start
        for each in ended:
            await record_call(work, each.call, each.ending)

    async def keep(self, work: ExecutorWork, lease: Lease, held: Sequence[str]) -> Mapping[str, str | None]:
        return await keep_calls(work, lease, held)

    async def lose(self, work: ExecutorWork, owners: Sequence[str], reason: str) -> None:
        del reason  # they are asked again
        await lose_calls_of(work, owners)
