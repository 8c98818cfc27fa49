"""Whether whoever is needed answers. Providers are asked for the list of their models, which costs nothing; a key is
tried out in the same way."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import httpx
from pydantic import BaseModel, ValidationError

from orchestra.chassis.errors import Transient
from orchestra.chassis.http.outward import Outward, RefusedUrl
from orchestra.executor.adapters.models.keys import Access, Keys
from orchestra.executor.adapters.models.reach import PaidCallRefused, Reach, check_reach
from orchestra.executor.application.models.ports import Health
from orchestra.executor.domain.models.provider import Provider

LIMIT_S = 10.0
MOST_BYTES = 4 * 2**20
EVERY_S = 30.0
ANTHROPIC_VERSION = "2023-06-01"


class Probe:
    def __init__(self, outward: Outward, reach: Reach) -> None:
        self._outward = outward
        self._reach: Reach = reach

    async def look(self, provider: Provider, access: Access) -> Health:
        """Never raises for what a provider does; says what is wrong without repeating what it said."""
        name, url = (
            provider.name,
            (access.url or provider.url) + ("/api/tags" if provider.flavour == "ollama" else "/v1/models"),
        )
        try:
            check_reach(self._reach, httpx.URL(url).host)
            async with asyncio.timeout(LIMIT_S), self._client(access) as client:
                status, body = await _read(client, url, _headers(provider, access))
        except (RefusedUrl, PaidCallRefused, Transient) as refused:
            return Health(name, False, str(refused))
        except TimeoutError:
            return Health(name, False, f"no answer within {LIMIT_S:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Health(name, False, f"it cannot be reached ({type(error).__name__})")
        if status in (401, 403):
            return Health(name, False, f"it refuses the key (HTTP {status})")
        if status != 200:
            return Health(name, False, f"it answers HTTP {status}")
        return Health(name, True, "it answers", _names(body))

    def _client(self, access: Access) -> httpx.AsyncClient:
        if access.url is not None:
            return self._outward.client()
        return httpx.AsyncClient(timeout=LIMIT_S, follow_redirects=False, trust_env=False)


Look = Callable[[], Awaitable[Health]]


class HealthMonitor:
    """What is looked at again and again, as it was when it was last looked at: providers, servers of tools."""

    def __init__(self, looks: Mapping[str, Look]) -> None:
        self._looks = dict(looks)
        self._seen: dict[str, Health] = {}

    @property
    def watched(self) -> Sequence[str]:
        return list(self._looks)

    def available(self, name: str) -> bool:
        return name not in self._seen or self._seen[name].ok

    def seen(self, name: str) -> Health | None:
        return self._seen.get(name)

    async def step(self) -> bool:
        found = await asyncio.gather(*(look() for look in self._looks.values()))
        self._seen = dict(zip(self._looks, found, strict=True))
        return False

    async def check(self) -> str | None:
        """For readiness: who is away, and why."""
        away = [f"{name}: {health.detail}" for name, health in self._seen.items() if not health.ok]
        return "; ".join(away) or None


def looks_at(providers: Mapping[str, Provider], keys: Keys, probe: Probe) -> Mapping[str, Look]:
    """At the providers that the house has a key for."""
    return {
        name: partial(probe.look, provider, access)
        for name, provider in providers.items()
        if (access := keys.house(provider)) is not None
    }


def _headers(provider: Provider, access: Access) -> dict[str, str]:
    if access.key is None:
        return {}
    if provider.flavour == "anthropic":
        return {"x-api-key": access.key, "anthropic-version": ANTHROPIC_VERSION}
    return {"authorization": f"Bearer {access.key}"}


async def _read(client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    body = b""
    async with client.stream("GET", url, headers={**headers, "accept-encoding": "identity"}) as answer:
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > MOST_BYTES:
                break
        return answer.status_code, body[:MOST_BYTES]


class _Entry(BaseModel):
    id: str = ""
    name: str = ""


class _Listed(BaseModel):
    """Either list: `data` of OpenAI's and Anthropic's, `models` of Ollama's."""

    data: list[_Entry] = []
    models: list[_Entry] = []


def _names(body: bytes) -> tuple[str, ...]:
    """Of the models in the list; what is no list has none."""
    try:
        found = _Listed.model_validate_json(body)
    except ValidationError:
        return ()
    return tuple(name for entry in (*found.data, *found.models) if (name := entry.id or entry.name))[:1000]
