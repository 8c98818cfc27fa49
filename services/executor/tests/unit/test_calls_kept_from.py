"""A database that is away while a call is made: it is put off, for nobody has answered it and nobody refused."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from orchestra.chassis.errors import ChassisError, Transient, Unavailable
from orchestra.chassis.sealing import Sealer, new_key
from orchestra.contracts.models import ModelCallRequested, Prompt
from orchestra.executor.application.calls.ports import Away, HeldCall
from orchestra.executor.application.money.ports import Purse
from orchestra.executor.application.performance import Performance
from orchestra.executor.entrypoints.model_calls import ModelCalls


class NoPurse:
    def __init__(self, error: ChassisError) -> None:
        self._error = error

    async def recover(self, holder: str, token: int) -> Sequence[object]:
        raise self._error


@pytest.mark.parametrize("error", [Unavailable("restarting"), Transient("57014")], ids=lambda e: type(e).__name__)
async def test_a_call_waits_for_the_database(error: ChassisError) -> None:
    sealer = Sealer(new_key())
    request = ModelCallRequested(
        workspace_id="wsp_1",
        project_id="prj_1",
        sequence=1,
        call_id="mdl_1",
        purpose="plan",
        kind_of_work="analysis",
        difficulty="medium",
        max_tokens=500,
        deadline=datetime.now(UTC) + timedelta(minutes=5),
        sealed=sealer.seal(Prompt(system="", turns=()).model_dump_json(), "mdl_1"),
    )

    async def models() -> Any:
        raise AssertionError("nobody is asked")

    calls = ModelCalls(models, sealer, cast(Purse, NoPurse(error)))
    ends = asyncio.get_running_loop().time() + 60
    performance = Performance(HeldCall(request, "me", 1, None), ends, lambda _: None)
    ended = await calls.perform(performance)
    performance.close()

    assert isinstance(ended.ending, Away)
    assert ended.ending.pause <= timedelta(seconds=10)
