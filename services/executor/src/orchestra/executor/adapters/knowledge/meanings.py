"""Vectors by the models that are configured; whatever keeps one from being had is one refusal."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from orchestra.executor.adapters.models.vault import CannotOpen
from orchestra.executor.application.knowledge.ports import NoMeaning
from orchestra.executor.application.models.ports import Caller, ModelError, Models
from orchestra.executor.domain.knowledge.meaning import packed
from orchestra.executor.domain.money.errors import MoneyError


@dataclass(frozen=True)
class ModelMeanings:
    """Implements the port Meanings."""

    model: str
    """As it is configured: vectors of different ones cannot be compared."""
    models: Callable[[], Awaitable[Models]]
    """Opened when they are first needed."""

    async def of(self, caller: Caller, texts: Sequence[str]) -> Sequence[bytes]:
        try:
            vectors = await (await self.models()).embed(caller, texts)
        except (ModelError, MoneyError, CannotOpen) as error:
            raise NoMeaning(str(error)) from error
        return [packed(vector) for vector in vectors]
