"""What is configured without a file: the providers whose usual variables are set, and the house's keys."""

from collections.abc import Mapping, Sequence

from orchestra.executor.adapters.models.models_file import BadModels
from orchestra.executor.domain.models.catalogue import Catalogue
from orchestra.executor.domain.models.provider import Provider
from orchestra.executor.domain.models.routing import Model, Routes, Tier

ANTHROPIC = "https://api.anthropic.com"
OPENAI = "https://api.openai.com"
OLLAMA_PORT = 11434

USUAL: Mapping[str, tuple[Model, ...]] = {
    "anthropic": (
        Model("claude-haiku", "anthropic", "claude-haiku-4-5", Tier.small, 8192),
        Model("claude-sonnet", "anthropic", "claude-sonnet-5", Tier.large, 8192),
    ),
    "openai": (
        Model("gpt-mini", "openai", "gpt-5-mini", Tier.small, 8192),
        Model("gpt", "openai", "gpt-5", Tier.large, 8192),
    ),
}


def from_environment(named: Sequence[str], environment: Mapping[str, str]) -> Catalogue:
    """Providers by their usual variables, with their usual models, and those that are `named`: `ollama/llama3.2=local`.

    Raises BadModels.
    """
    providers = {
        "anthropic": Provider("anthropic", "anthropic", ANTHROPIC, "ANTHROPIC_API_KEY"),
        "openai": Provider("openai", "openai", _openai(environment), "OPENAI_API_KEY"),
    }
    if host := environment.get("OLLAMA_HOST"):
        providers["ollama"] = Provider("ollama", "ollama", _ollama(host))
    models = list(USUAL["anthropic"])
    if providers["openai"].url == OPENAI:
        models += USUAL["openai"]
    faults: list[str] = []
    for text in named:
        provider, slash, rest = text.partition("/")
        name, equals, tier = rest.rpartition("=")
        if not (slash and equals and name and tier in Tier.__members__ and provider in providers):
            faults.append(f"{text}: a model is written PROVIDER/ID=TIER, with one of {', '.join(providers)}")
        else:
            models.append(Model(name, provider, name, Tier[tier]))
    if faults:
        raise BadModels(faults)
    return Catalogue(providers, Routes(tuple({model.name: model for model in models}.values())))


def house_key(provider: Provider, environment: Mapping[str, str]) -> str | None:
    return environment.get(provider.key_from) or None if provider.key_from else None


def _openai(environment: Mapping[str, str]) -> str:
    return environment.get("OPENAI_BASE_URL", OPENAI).rstrip("/").removesuffix("/v1")


def _ollama(host: str) -> str:
    """By Ollama's own variable: a host, perhaps with a scheme and a port. One that listens everywhere is asked here."""
    scheme, _, rest = host.rpartition("://")
    name, colon, port = rest.rstrip("/").partition(":")
    name = "127.0.0.1" if name in ("0.0.0.0", "") else name  # noqa: S104 - read, not bound
    return f"{scheme or 'http'}://{name}:{port if colon else OLLAMA_PORT}"
