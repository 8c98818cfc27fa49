"""All about models that a running executor has: what is configured, keys, health, and the way to ask."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from orchestra.chassis.clock import Clock
from orchestra.chassis.http.outward import Outward
from orchestra.executor.adapters.models.choices import SqlChoices
from orchestra.executor.adapters.models.health import HealthMonitor, Probe
from orchestra.executor.adapters.models.keys import Keys
from orchestra.executor.adapters.models.prices import UnknownPrice, price_of
from orchestra.executor.adapters.models.reach import Reach
from orchestra.executor.adapters.models.vault import Vault
from orchestra.executor.application.agents.perform_agent import AgentModels
from orchestra.executor.application.models.ports import Meter, Recorder
from orchestra.executor.domain.errors import NoMasterKey, UnknownProvider
from orchestra.executor.domain.models.catalogue import Catalogue, Declared
from orchestra.executor.domain.models.provider import Provider


@dataclass(frozen=True)
class ModelView:
    """A model as it is shown; amounts in micro-dollars a million tokens."""

    name: str
    provider: str
    id: str
    tier: str
    max_tokens: int
    price_version: str | None
    """None: nobody knows the price, and it is not asked."""
    input_micros: int | None
    output_micros: int | None
    ceiling_micros: int | None
    """Of a request, where its owner declares it in place of a price."""
    key: str
    """`house`, `none` (only projects with a key of their own ask it), or `not needed`."""
    available: bool
    detail: str


@dataclass(frozen=True)
class ModelDesk:
    catalogue: Catalogue
    keys: Keys
    choices: SqlChoices
    vault: Vault | None
    probe: Probe
    monitor: HealthMonitor
    outward: Outward
    reach: Reach
    clock: Clock

    def provider(self, name: str) -> Provider:
        """Raises UnknownProvider."""
        if (found := self.catalogue.providers.get(name)) is None:
            raise UnknownProvider(name)
        return found

    def seals(self) -> Vault:
        """Raises NoMasterKey."""
        if self.vault is None:
            raise NoMasterKey("model keys")
        return self.vault

    async def open(self, meter: Meter, recorder: Recorder) -> AgentModels:
        """Models that can be asked. Loads the providers' libraries, which takes seconds the first time."""
        asking, clients = await asyncio.to_thread(_load)
        opened, monitor = clients.Clients(self.reach, self.outward), self.monitor
        return asking.SdkModels(self.catalogue, self.keys, self.choices, opened, meter, recorder, monitor, self.clock)

    async def views(self) -> Sequence[ModelView]:
        return await asyncio.to_thread(lambda: [self._view(model.name) for model in self.catalogue.routes.models])

    def _view(self, name: str) -> ModelView:
        model = self.catalogue.routes.find(name)
        provider = self.provider(model.provider)
        house, seen = self.keys.house(provider), self.monitor.seen(provider.name)
        version = spent = asked = ceiling = None
        detail = seen.detail if seen else "no key of the house" if house is None else "not asked yet"
        try:
            price = price_of(self.catalogue, model, self.clock.now())
        except UnknownPrice as unknown:
            detail = str(unknown)
        else:
            version = price.version
            if isinstance(price, Declared):
                ceiling = price.micros
            else:
                asked, spent = price.rates.input, price.rates.output
        key = "not needed" if not provider.needs_key else "house" if house else "none"
        ready = house is not None and version is not None and self.monitor.available(provider.name)
        return ModelView(
            model.name,
            provider.name,
            model.id,
            model.tier.name,
            model.max_tokens,
            version,
            asked,
            spent,
            ceiling,
            key,
            ready,
            detail,
        )


def _load() -> tuple[Any, Any]:
    room = f"{__package__}.sdk"
    return import_module(f"{room}.asking"), import_module(f"{room}.clients")
