"""Ask a model for a plan, and hear its answer, a draft. What becomes of that is decided where plans are made."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from orchestra.chassis.ids import new_id
from orchestra.chassis.sealing import pieces
from orchestra.contracts.models import (
    ModelCallCancelled,
    ModelCallFailed,
    ModelCallRequested,
    ModelCallSucceeded,
    Prompt,
)
from orchestra.contracts.planning import Fault
from orchestra.planner.application.accept_plan_request import PLANNING
from orchestra.planner.application.ports import ModelCall, Waiting, Work

DEADLINE = timedelta(minutes=15)
"""For one answer, with the executor's own retries."""

MAX_TOKENS = 16_000
"""Of a draft; 200 tasks with their criteria need less."""


async def ask_model(work: Work, waiting: Waiting, prompt: Prompt, number: int, schema: dict[str, Any]) -> None:
    """The plan waits for the answer; the caller holds its project."""
    call_id = new_id("mdl")
    if not await work.model_calls.ask(waiting.plan_id, call_id, number):
        return
    sealed = work.seal(prompt.model_dump_json(), call_id)
    parts = pieces(sealed)
    events = [
        ModelCallRequested(
            workspace_id=waiting.workspace_id,
            project_id=waiting.project_id,
            sequence=1,
            call_id=call_id,
            purpose="plan",
            kind_of_work="analysis",
            difficulty="complex",
            output_schema=schema if part == 1 else {},
            max_tokens=MAX_TOKENS,
            sealed=piece,
            deadline=work.now + DEADLINE,
            part=part,
            parts=len(parts),
        )
        for part, piece in enumerate(parts, start=1)
    ]
    work.publish(*events)


async def record_answer(work: Work, part: ModelCallSucceeded) -> None:
    """Nothing happens where nobody waits for it any more."""
    parts = await work.gathered(part)
    if parts is None:
        return
    text = work.open("".join(each.sealed for each in parts), part.call_id)
    answered = ModelCall(part.call_id, "answered", text, (), part.model, part.cost_micros)
    await _ended(work, answered)


async def record_no_answer(work: Work, event: ModelCallFailed) -> None:
    faults = event.faults or (Fault(pointer="", code=event.code, detail=event.detail),)
    await _ended(work, ModelCall(event.call_id, "failed", None, faults, None, event.cost_micros))


async def _ended(work: Work, call: ModelCall) -> None:
    if await work.model_calls.end(call):
        work.wake(PLANNING)


async def cancel_call(work: Work, waiting: Waiting, reason: str) -> None:
    """Nobody waits for what was asked for this plan."""
    for call_id in await work.model_calls.cancel(waiting.plan_id):
        work.publish(
            ModelCallCancelled(
                workspace_id=waiting.workspace_id,
                project_id=waiting.project_id,
                sequence=2,
                call_id=call_id,
                reason=reason,
            )
        )


def no_model(calls: Sequence[ModelCall]) -> bool:
    """None is configured that could be asked."""
    return bool(calls) and any(fault.code == "no-model" for fault in calls[-1].faults)
