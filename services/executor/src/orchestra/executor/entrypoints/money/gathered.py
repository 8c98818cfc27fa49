"""Questions that are answered together: while some are being answered, the next ones gather."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

MOST = 200
"""Questions at a time."""

Q = TypeVar("Q")
A = TypeVar("A")


class Gathered(Generic[Q, A]):
    """`answer_all` has an answer for each question, in their order."""

    def __init__(self, name: str, answer_all: Callable[[Sequence[Q]], Awaitable[Sequence[A]]]) -> None:
        self._name = name
        self._answer_all = answer_all
        self._waiting: list[tuple[Q, asyncio.Future[A], Callable[[A], None] | None]] = []
        self._worker: asyncio.Task[None] | None = None

    async def ask(self, question: Q, unwanted: Callable[[A], None] | None = None) -> A:
        """`unwanted` gets the answer where whoever asked was cancelled meanwhile. Raises what answering it raised."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer, unwanted))
        if self._worker is None or self._worker.done():
            # Its own task: whoever asked may be cancelled, and must not cancel the others' transaction.
            self._worker = asyncio.create_task(self._work(), name=self._name)
        return await answer

    async def stop(self) -> None:
        """Returns when all is answered that was asked."""
        if self._worker is not None:
            await self._worker

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            await self._answer(batch)

    async def _answer(self, batch: Sequence[tuple[Q, asyncio.Future[A], Callable[[A], None] | None]]) -> None:
        try:
            answers = await self._answer_all([question for question, _, _ in batch])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised where the question was asked
            if len(batch) > 1:
                # One that cannot be answered must not keep the others from it.
                for each in batch:
                    await self._answer([each])
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
            return
        for (_, future, unwanted), answer in zip(batch, answers, strict=True):
            if not future.done():
                future.set_result(answer)
            elif unwanted is not None:
                unwanted(answer)
