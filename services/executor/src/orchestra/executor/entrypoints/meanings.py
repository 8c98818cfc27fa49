"""The loop that has vectors made of what is known."""

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.loops import Loop
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.knowledge.embed_findings import embed_findings
from orchestra.executor.application.knowledge.ports import FRESH, Meanings


def meanings_loop(database: Database[ExecutorWork], meanings: Meanings) -> Loop:
    return Loop("meanings", _Embedding(database, meanings).step, every=30.0, wake=FRESH)


class _Embedding:
    def __init__(self, database: Database[ExecutorWork], meanings: Meanings) -> None:
        self._database = database
        self._meanings = meanings
        self._has_begun = False

    async def step(self) -> bool:
        if not self._has_begun:
            async with self._database.begin() as work:
                await work.embeddings.take_up_others(self._meanings.model)
            self._has_begun = True
        return await embed_findings(self._database.begin, self._meanings)
