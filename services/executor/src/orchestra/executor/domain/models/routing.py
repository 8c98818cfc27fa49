"""Which model a task is for: by its kind and difficulty, and what stands in when that one is away."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import get_args

from orchestra.contracts.machine_work import AgentKind, Difficulty

Kind = AgentKind
KINDS: tuple[Kind, ...] = get_args(Kind)
DIFFICULTIES: tuple[Difficulty, ...] = get_args(Difficulty)


class Tier(IntEnum):
    local = 0
    small = 1
    large = 2


USUAL: Mapping[Difficulty, Tier] = {"simple": Tier.local, "medium": Tier.small, "complex": Tier.large}
HARDER: frozenset[Kind] = frozenset({"code", "integration"})
"""Kinds whose mistakes cost a further task: nothing local is asked for them first."""


@dataclass(frozen=True)
class Model:
    """A model as it is configured."""

    name: str
    """As one asks for it here."""
    provider: str
    id: str
    """As its provider calls it."""
    tier: Tier
    max_tokens: int = 4096
    """Of an answer, where the call does not say."""


@dataclass(frozen=True)
class Overrides:
    """What is chosen in place of the table's model and the usual tier: a model or a tier each, and the first counts."""

    task: str | None = None
    agent: str | None = None
    project: str | None = None
    alone: bool = False
    """Nothing stands in for what is chosen: neither another tier nor another model."""

    @property
    def chosen(self) -> tuple[str, str] | None:
        """For which of them, and what; None where nothing is."""
        said = (("task", self.task), ("agent", self.agent), ("project", self.project))
        return next(((whose, name) for whose, name in said if name), None)


class UnknownModel(LookupError):
    """There is no such model."""

    code = "unknown-model"


@dataclass(frozen=True)
class Routes:
    models: tuple[Model, ...] = ()
    table: Mapping[tuple[Kind, Difficulty], str] = field(default_factory=dict[tuple[Kind, Difficulty], str])
    """A model or a tier, in place of the usual tier."""

    def find(self, name: str) -> Model:
        """Raises UnknownModel."""
        for model in self.models:
            if model.name == name:
                return model
        known = ", ".join([*Tier.__members__, *(model.name for model in self.models)])
        raise UnknownModel(f"No model is called {name}; there are {known}.")

    def wanted(self, name: str) -> list[Model]:
        """A model alone, or those of a tier with what stands in for them. Raises UnknownModel."""
        return self._from(Tier[name]) if name in Tier.__members__ else [self.find(name)]

    def candidates(
        self, kind: Kind | None = None, difficulty: Difficulty = "medium", overrides: Overrides | None = None
    ) -> list[Model]:
        """The models to ask, the best first. Raises UnknownModel where an override names none."""
        said = overrides or Overrides()
        if said.chosen is not None:
            _, name = said.chosen
            first = self.wanted(name)
            if said.alone:
                return [model for model in first if name in (model.name, model.tier.name)]
            # Whoever names a model means it first; the others still stand in when it is away.
            return _each_once([*first, *self._from(first[0].tier)] if first else self._from(Tier.small))
        if kind is not None and (name := self.table.get((kind, difficulty))):
            first = self.wanted(name)
            return _each_once([*first, *self._from(first[0].tier)]) if first else []
        usual = USUAL[difficulty]
        return self._from(max(usual, Tier.small) if kind in HARDER else usual)

    def _from(self, tier: Tier) -> list[Model]:
        """Those of the tier, then upwards, and at last downwards: a weaker one is better than none."""
        order = [*range(tier, max(Tier) + 1), *range(tier - 1, -1, -1)]
        return [model for level in order for model in self.models if model.tier == level]


def _each_once(models: Sequence[Model]) -> list[Model]:
    return list(dict.fromkeys(models))
