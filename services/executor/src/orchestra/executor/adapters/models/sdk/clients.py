"""A provider and a key as the library's model; their connections are kept between requests."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pydantic_ai.models
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models import Model as SdkModel
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.ollama import OllamaModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.ollama import OllamaProvider
from pydantic_ai.providers.openai import OpenAIProvider

from orchestra.chassis.http.outward import Outward
from orchestra.executor.adapters.authorities import authorities
from orchestra.executor.adapters.models.keys import Access
from orchestra.executor.adapters.models.reach import Reach
from orchestra.executor.adapters.models.sdk.wire import client
from orchestra.executor.domain.models.provider import Provider
from orchestra.executor.domain.models.routing import Model

NO_KEY = "none"
"""What the library must be given where no key is needed."""

KEPT = 64
"""Clients: of the house, and of the projects that have keys of their own."""

_asking = 0


@contextmanager
def permitted(reach: Reach) -> Generator[None]:
    """Around a request of ours. In a process that must not spend money the library's own switch stays off otherwise,
    so that a model which was made past this module asks nobody."""
    global _asking
    if reach == "any":
        yield
        return
    _asking += 1
    pydantic_ai.models.ALLOW_MODEL_REQUESTS = True
    try:
        yield
    finally:
        _asking -= 1
        pydantic_ai.models.ALLOW_MODEL_REQUESTS = _asking > 0


@dataclass
class Clients:
    reach: Reach
    outward: Outward
    """For URLs that tenants chose."""
    _kept: dict[tuple[str, str, str], AsyncAnthropic | AsyncOpenAI] = field(
        default_factory=dict[tuple[str, str, str], AsyncAnthropic | AsyncOpenAI]
    )

    def __post_init__(self) -> None:
        if self.reach == "loopback":
            pydantic_ai.models.ALLOW_MODEL_REQUESTS = False

    async def model(self, provider: Provider, access: Access, model: Model) -> SdkModel:
        made = await self._client(provider, access)
        if isinstance(made, AsyncAnthropic):
            return AnthropicModel(model.id, provider=AnthropicProvider(anthropic_client=made))
        if provider.flavour == "ollama":
            return OllamaModel(model.id, provider=OllamaProvider(openai_client=made))
        return OpenAIChatModel(model.id, provider=OpenAIProvider(openai_client=made))

    async def embeddings(self, provider: Provider, access: Access, model: Model) -> OpenAIEmbeddingModel:
        """Both flavours that have any speak the same API for them."""
        made = await self._client(provider, access)
        assert isinstance(made, AsyncOpenAI), f"{provider.name} makes no embeddings"
        sdk = OllamaProvider(openai_client=made) if provider.flavour == "ollama" else OpenAIProvider(openai_client=made)
        return OpenAIEmbeddingModel(model.id, provider=sdk)

    async def _client(self, provider: Provider, access: Access) -> AsyncAnthropic | AsyncOpenAI:
        key, url = access.key or NO_KEY, access.url or provider.url
        named = (provider.name, url, hashlib.sha256(key.encode()).hexdigest())
        trusted = await authorities()  # first: nothing is awaited between the look and the keeping
        if (kept := self._kept.pop(named, None)) is None:
            outward, tenants_key = (self.outward, key) if access.url else (None, None)
            http = client(provider.patience, self.reach, trusted, outward, tenants_key)
            if provider.flavour == "anthropic":
                kept = AsyncAnthropic(api_key=key, base_url=url, http_client=http, max_retries=0, timeout=http.timeout)
            else:
                kept = AsyncOpenAI(
                    api_key=key, base_url=f"{url}/v1", http_client=http, max_retries=0, timeout=http.timeout
                )
        self._kept[named] = kept  # the newest last
        while len(self._kept) > KEPT:
            await self._kept.pop(next(iter(self._kept))).close()
        return kept

    async def close(self) -> None:
        while self._kept:
            await self._kept.popitem()[1].close()
