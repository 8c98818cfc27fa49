"""People who are asked while machines work, on whatever becomes of those machines meanwhile."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tests.faults.forms import LONGEST_S
from tests.system import eventually

from orchestra.cli.api import Api
from orchestra.cli.exits import Exit, Stop

T = TypeVar("T")


class People:
    """Those who are asked on the way. They ask again where nobody answers them."""

    def __init__(self, api: Api, project: str) -> None:
        self._api, self._project = api, project

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        try:
            return await ask()
        except Stop as stop:
            if stop.code == Exit.UNAVAILABLE:
                return None
            raise

    async def asked(self, kind: str) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            found = await self._patiently(lambda: self._api.all("/checkpoints", project_id=self._project))
            return next((each for each in found or () if (each["kind"], each["status"]) == (kind, "open")), None)

        found = await eventually(look, LONGEST_S)
        assert found is not None
        return found

    async def answer(self, checkpoint: dict[str, Any], **said: str) -> None:
        path = f"/checkpoints/{checkpoint['id']}"

        async def answered() -> bool:
            await self._patiently(lambda: self._api.post(f"{path}/answer", said))
            now = await self._patiently(lambda: self._api.get(path))
            return now is not None and now["status"] == "answered"

        await eventually(answered, LONGEST_S)

    async def finished(self, run: str) -> bool:
        now = await self._patiently(lambda: self._api.get(f"/runs/{run}"))
        return now is not None and now["status"] == "finished"
