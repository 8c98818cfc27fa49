"""What the executor and the scheduler know of outputs, over HTTP."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import httpx

from orchestra.chassis.errors import Unavailable
from orchestra.contracts.ids import AttemptId, RunId, TaskId
from orchestra.contracts.scheduling import RunStatus
from orchestra.gateway.adapters.services import Services, segment
from orchestra.gateway.application.follow_attempt import Attempt
from orchestra.gateway.application.ports import Requester

CHUNK = 64 * 1024
"""Bytes of a log at a time."""


class HttpOutputs:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def attempt(self, requester: Requester, attempt_id: AttemptId) -> Attempt | None:
        found = await self._services.look_up("executor", requester, f"/attempts/{segment(attempt_id)}")
        return _attempt(found) if found is not None else None

    async def attempts(self, requester: Requester, run_id: RunId, task_id: TaskId | None = None) -> Sequence[Attempt]:
        wanted = {"run_id": run_id, **({"task_id": task_id} if task_id else {})}
        return [_attempt(each) for each in await self._services.all("executor", requester, "/attempts", **wanted)]

    async def log(self, requester: Requester, attempt_id: AttemptId, offset: int) -> AsyncGenerator[bytes]:
        path = f"/attempts/{segment(attempt_id)}/log?offset={offset}"
        answer = await self._services.send("executor", requester, "GET", path, total=None)
        try:
            if not answer.is_success:
                raise Unavailable(f"the executor answered {answer.status_code} to the gateway")
            async for content in answer.aiter_bytes(CHUNK):
                yield content
        except httpx.TransportError as error:
            raise Unavailable(f"the executor is away ({type(error).__name__})") from error
        finally:
            await answer.aclose()

    async def run_status(self, requester: Requester, run_id: RunId) -> RunStatus | None:
        found = await self._services.look_up("scheduler", requester, f"/runs/{segment(run_id)}")
        return found["status"] if found is not None else None


def _attempt(found: dict[str, Any]) -> Attempt:
    evidence: dict[str, Any] = found["evidence"] or {}
    log: dict[str, Any] | None = evidence.get("log")
    return Attempt(
        id=found["id"],
        task_id=found["task_id"],
        number=found["number"],
        status=found["status"],
        ended=found["ended_at"] is not None,
        log_bytes=log["size"] if log else 0,
    )
