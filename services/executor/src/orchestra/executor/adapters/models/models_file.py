"""Models as a file: TOML, read strictly, so that a word that means nothing is a fault and not a silence."""

import tomllib
from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from orchestra.executor.domain.models.catalogue import Catalogue, Declared, Pricing
from orchestra.executor.domain.models.provider import Flavour, Patience, Provider
from orchestra.executor.domain.models.routing import DIFFICULTIES, KINDS, Difficulty, Kind, Model, Routes, Tier
from orchestra.executor.domain.models.usage import MICROS, MOST_RATE, Price, Rates

MOST = 1_000_000
"""Bytes of a file."""
RATE = r"^[1-9][0-9]{0,6} ?/ ?([1-9][0-9]{0,3} ?)?(second|minute|hour|day)$"
STRICT = ConfigDict(extra="forbid", frozen=True)

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class BadModels(Exception):
    """The file is no list of models; `faults` say where and why, one sentence each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


def _micros(value: Any) -> int:
    """Micro-dollars of an amount of dollars, rounded up."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("an amount of dollars is a number")
    amount = Decimal(value)
    if not amount.is_finite() or amount < 0 or amount * MICROS > MOST_RATE:
        raise ValueError(f"an amount of dollars is from 0 to {MOST_RATE // MICROS}")
    return int((amount * MICROS).to_integral_value(ROUND_CEILING))


Dollars = Annotated[int, BeforeValidator(_micros)]


class _Rates(BaseModel):
    model_config = STRICT

    input: Dollars
    output: Dollars
    cache_read: Dollars | None = None
    cache_write: Dollars | None = None

    def rates(self) -> Rates:
        return Rates(self.input, self.output, self.cache_read, self.cache_write)


class _Tier(_Rates):
    above: Annotated[int, Field(gt=0)]


class _Price(_Rates):
    tiers: list[_Tier] = []


class _Provider(BaseModel):
    model_config = STRICT

    flavour: Flavour
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s?#@]+$")]
    key_env: Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")] | None = None
    rate: Annotated[str, StringConstraints(pattern=RATE)] | None = None
    tries: Annotated[int, Field(ge=1, le=20)] = Patience.tries
    first_pause_s: Annotated[float, Field(gt=0, le=60)] = Patience.first_pause_s
    longest_pause_s: Annotated[float, Field(gt=0, le=600)] = Patience.longest_pause_s
    connect_s: Annotated[float, Field(gt=0, le=60)] = Patience.connect_s
    silence_s: Annotated[float, Field(gt=0, le=3600)] = Patience.silence_s
    total_s: Annotated[float, Field(gt=0, le=7200)] = Patience.total_s
    answer_bytes: Annotated[int, Field(ge=1024, le=2**30)] = Patience.answer_bytes
    failures: Annotated[int, Field(ge=1, le=1000)] = Patience.failures
    rest_s: Annotated[float, Field(gt=0, le=3600)] = Patience.rest_s

    def provider(self, name: str) -> Provider:
        patience = self.model_dump(exclude={"flavour", "url", "key_env", "rate"})
        return Provider(name, self.flavour, self.url.rstrip("/"), self.key_env, self.rate, Patience(**patience))


class _Model(BaseModel):
    model_config = STRICT

    provider: Name
    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    tier: Literal["local", "small", "large"]
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 4096
    price: _Price | None = None
    ceiling: Annotated[Dollars, Field(gt=0)] | None = None

    def pricing(self) -> Pricing | None:
        if self.price is None:
            return None if self.ceiling is None else Declared(self.ceiling)
        tiers = sorted((tier.above, tier.rates()) for tier in self.price.tiers)
        return Price(self.price.rates(), "file", tuple(tiers))


class _File(BaseModel):
    model_config = STRICT

    embeddings: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}/\S{1,200}$")] | None = None
    embeddings_price: Dollars | None = None
    providers: dict[Name, _Provider]
    models: dict[Name, _Model] = {}
    routes: dict[Kind, dict[Difficulty, str]] = {}


def read_models(path: Path) -> Catalogue:
    """Raises BadModels with every fault of the file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadModels([f"it cannot be read: {error.strerror}"]) from error
    if len(content) > MOST:
        raise BadModels([f"it has {len(content)} bytes; at most {MOST} are read"])
    try:
        # Numbers as they are written: a float would not be the price that somebody meant.
        found = _File.model_validate(tomllib.loads(content.decode(), parse_float=Decimal))
    except UnicodeDecodeError as error:
        raise BadModels([f"it is no text in UTF-8 (byte {error.start})"]) from error
    except tomllib.TOMLDecodeError as error:
        raise BadModels([f"it is no TOML: {error}"]) from error
    except ValidationError as error:
        raise BadModels([_sentence(each) for each in error.errors()]) from error
    if faults := _faults(found):
        raise BadModels(faults)
    return _catalogue(found)


def _faults(found: _File) -> list[str]:
    faults: list[str] = []
    for name, model in found.models.items():
        if model.provider not in found.providers:
            faults.append(f"models.{name}.provider: there is no provider {model.provider}")
        if model.price is not None and model.ceiling is not None:
            faults.append(f"models.{name}: a model has a price or a ceiling, not both")
        if model.price is not None and len({tier.above for tier in model.price.tiers}) < len(model.price.tiers):
            faults.append(f"models.{name}.price.tiers: two begin at the same number of tokens")
        if name in Tier.__members__:
            faults.append(f"models.{name}: that is the name of a tier")
    if found.embeddings is not None:
        name = found.embeddings.partition("/")[0]
        if name not in found.providers:
            faults.append(f"embeddings: there is no provider {name}")
        elif found.providers[name].flavour == "anthropic":
            faults.append(f"embeddings: {name} has none; a provider of another flavour makes them")
    elif found.embeddings_price is not None:
        faults.append("embeddings_price: there are no embeddings")
    known = {*found.models, *Tier.__members__}
    faults += [
        f"routes.{kind}.{difficulty}: {target} is neither a model nor a tier"
        for kind, row in found.routes.items()
        for difficulty, target in row.items()
        if target not in known
    ]
    return faults


def _catalogue(found: _File) -> Catalogue:
    models = tuple(
        Model(name, model.provider, model.id, Tier[model.tier], model.max_tokens)
        for name, model in found.models.items()
    )
    table: dict[tuple[Kind, Difficulty], str] = {}
    for kind, row in found.routes.items():
        table |= {(kind, difficulty): target for difficulty, target in row.items()}
    prices = {name: price for name, model in found.models.items() if (price := model.pricing()) is not None}
    embeddings = None
    if found.embeddings is not None:
        provider, _, id_ = found.embeddings.partition("/")
        embeddings = Model(found.embeddings, provider, id_, Tier.local, 0)
        if found.embeddings_price is not None:
            prices[embeddings.name] = Price(Rates(found.embeddings_price, 0), "file")
    return Catalogue(
        providers={name: provider.provider(name) for name, provider in found.providers.items()},
        routes=Routes(models, table),
        prices=prices,
        embeddings=embeddings,
    )


def _sentence(fault: Any) -> str:
    place = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    if fault["type"] == "extra_forbidden":
        return f"{place}: there is no such field"
    if fault["loc"][:1] == ("routes",) and fault["type"] == "literal_error":
        return f"{place}: routes are by kind ({', '.join(KINDS)}) and difficulty ({', '.join(DIFFICULTIES)})"
    return f"{place}: {fault['msg'].removeprefix('Value error, ')}"
