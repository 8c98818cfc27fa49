"""Models at a stand-in, with money and a record in memory: what was begun, what it came to, what was kept."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tests.standins import ModelStandIn
from tests.standins.server import KEY

from orchestra.chassis.clock import SystemClock
from orchestra.chassis.http.outward import Outward
from orchestra.executor.adapters.models.keys import Keys
from orchestra.executor.adapters.models.sdk.asking import SdkModels
from orchestra.executor.adapters.models.sdk.clients import Clients
from orchestra.executor.application.models.ports import Call, Caller, Request, Said, Spent, Ticket
from orchestra.executor.domain.models.catalogue import Catalogue
from orchestra.executor.domain.models.failure import Failure
from orchestra.executor.domain.models.provider import Flavour, Patience, Provider
from orchestra.executor.domain.models.routing import Model, Routes, Tier
from orchestra.executor.domain.models.usage import MICROS, Price, Rates

CALLER = Caller("wsp_1", "plan")
PATIENCE = Patience(tries=4, first_pause_s=0.01, longest_pause_s=2.0, silence_s=1.0, total_s=20, answer_bytes=300_000)
PRICE = Price(Rates(3 * MICROS, 15 * MICROS, 300_000, 3_750_000), "test")
IDS: dict[Flavour, str] = {"anthropic": "claude-sonnet-5", "openai": "gpt-5", "ollama": "llama3.2"}
FLAVOURS: tuple[Flavour, ...] = ("anthropic", "openai", "ollama")


class NoMoney(Exception):
    """Nothing more may be spent."""


@dataclass
class MemoryMeter:
    limit: int | None = None
    """Micro-dollars of each ticket, in place of its ceiling."""
    refuse: bool = False
    begun: list[tuple[Request, int]] = field(default_factory=list[tuple[Request, int]])
    ended: list[Spent] = field(default_factory=list[Spent])
    free: list[Failure] = field(default_factory=list[Failure])

    async def begin(self, request: Request, ceiling_micros: int) -> Ticket:
        if self.refuse:
            raise NoMoney
        self.begun.append((request, ceiling_micros))
        return Ticket(f"t{len(self.begun)}", ceiling_micros if self.limit is None else self.limit)

    async def end(self, ticket: Ticket, request: Request, spent: Spent) -> None:
        self.ended.append(spent)

    async def failed(self, ticket: Ticket, request: Request, failure: Failure) -> None:
        self.free.append(failure)

    @property
    def outcomes(self) -> list[str]:
        return [spent.outcome for spent in self.ended]


@dataclass
class MemoryRecorder:
    kept: dict[str, bytes] = field(default_factory=dict[str, bytes])

    async def find(self, request: Request) -> bytes | None:
        return self.kept.get(request.digest)

    async def keep(self, request: Request, ticket: Ticket, answer: bytes, spent: Spent) -> None:
        self.kept[request.digest] = answer


@dataclass
class Seen:
    away: set[str] = field(default_factory=set[str])

    def available(self, provider: str) -> bool:
        return provider not in self.away


class NoChoices:
    async def of(self, caller: Caller) -> None:
        """No project has chosen anything."""


@dataclass
class Bench:
    catalogue: Catalogue
    models: SdkModels
    meter: MemoryMeter
    recorder: MemoryRecorder
    monitor: Seen

    async def metered(self, name: str, caller: Caller = CALLER) -> Any:
        return await self.models.models_for(caller, [self.catalogue.routes.find(name)])


def catalogue_of(*providers: Provider, price: Any = PRICE) -> Catalogue:
    """A model of each provider, called like it; the first is of the lowest tier."""
    models = tuple(
        Model(each.name, each.name, IDS[each.flavour], Tier(min(at, 2)), 500) for at, each in enumerate(providers)
    )
    return Catalogue({each.name: each for each in providers}, Routes(models), {each.name: price for each in models})


def provider_at(url: str, flavour: Flavour = "anthropic", name: str = "", **patience: Any) -> Provider:
    key = None if flavour == "ollama" else "HOUSE_KEY"
    return Provider(name or flavour, flavour, url, key, patience=replace(PATIENCE, **patience))


def bench_of(catalogue: Catalogue, environment: dict[str, str] | None = None, reach: Any = "loopback") -> Bench:
    nothing: Any = None  # house keys need no database
    keys = Keys(nothing, None, {"HOUSE_KEY": KEY} if environment is None else environment)
    meter, recorder, monitor = MemoryMeter(), MemoryRecorder(), Seen()
    clients = Clients(reach, Outward())
    models = SdkModels(catalogue, keys, NoChoices(), clients, meter, recorder, monitor, SystemClock())
    return Bench(catalogue, models, meter, recorder, monitor)


@asynccontextmanager
async def at_standin(flavour: Flavour = "anthropic", **patience: Any) -> AsyncIterator[tuple[ModelStandIn, Bench]]:
    keys = () if flavour == "ollama" else (KEY,)
    async with ModelStandIn(keys=keys) as provider:
        bench = bench_of(catalogue_of(provider_at(provider.url, flavour, **patience)))
        try:
            yield provider, bench
        finally:
            await bench.models.clients.close()


def call(text: str = "how deep is it?", **fields: Any) -> Call:
    return Call(**{"caller": CALLER, "messages": (Said("user", text),)} | fields)


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)
