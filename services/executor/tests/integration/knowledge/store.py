"""What is known, for a test: use cases in transactions of their own."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from services.executor.tests.integration.money.vault import database_of

from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.knowledge.add_finding import add_finding
from orchestra.executor.application.knowledge.learn import learn
from orchestra.executor.application.knowledge.ports import KnownFinding, Origin, Place
from orchestra.executor.application.knowledge.remove_finding import remove_finding
from orchestra.executor.application.knowledge.search import search
from orchestra.executor.application.knowledge.write_briefing import write_briefing
from orchestra.executor.domain.knowledge.finding import KINDS, Finding

T = TypeVar("T")

HERE = Place("wsp_1", "prj_1")
AGENT = Origin("run_1", "tsk_1", "draw-map", "att_1", "scout")

__all__ = ["AGENT", "HERE", "Store"]


class Store:
    def __init__(self, url: str, clock: Any = None) -> None:
        self.database = database_of(url, clock)

    async def write(self, effect: Callable[[ExecutorWork], Awaitable[T]]) -> T:
        async with self.database.begin() as work:
            return await effect(work)

    async def read(self, query: Callable[[ExecutorWork], Awaitable[T]]) -> T:
        async with self.database.read() as view:
            return await query(view)

    async def learn(self, *told: tuple[str, str], place: Place = HERE, origin: Origin = AGENT) -> list[str]:
        """The texts that are new."""
        return [each.text for each in await self.write(lambda work: learn(work, place, origin, told))]

    async def add(self, kind: str, text: str, place: Place = HERE) -> KnownFinding:
        return await self.write(lambda work: add_finding(work, place, kind, text, "ana"))

    async def remove(self, finding_id: str, place: Place = HERE) -> None:
        await self.write(lambda work: remove_finding(work, place, finding_id, "ana"))

    async def known(self, place: Place = HERE) -> list[KnownFinding]:
        return await self.read(lambda view: view.findings.newest(place, KINDS, limit=1000))

    async def found(self, question: str, kind: Any = None, place: Place = HERE, **page: int) -> list[str]:
        found = await self.read(lambda view: search(view, place, question, kind, **({"limit": 100} | page)))
        return [each.finding.text for each in found]

    async def briefing(self, about: str, place: Place = HERE) -> str:
        return await self.read(lambda view: write_briefing(view, place, about))

    async def close(self) -> None:
        await self.database.close()


def texts(known: list[KnownFinding]) -> list[str]:
    return [each.finding.text for each in known]


def digest_of(text: str) -> str:
    return Finding("gotcha", text).digest
