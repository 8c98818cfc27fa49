"""The models file and the environment: what they mean, and every fault with its place."""

from pathlib import Path

import pytest

from orchestra.executor.adapters.models.environment import from_environment, house_key
from orchestra.executor.adapters.models.models_file import BadModels, read_models
from orchestra.executor.domain.models.catalogue import Declared
from orchestra.executor.domain.models.routing import Tier
from orchestra.executor.domain.models.usage import Price, Rates

GOOD = """
[providers.claude]
flavour = "anthropic"
url = "https://api.anthropic.com/"
key_env = "CLAUDE_KEY"
rate = "50/minute"
silence_s = 30

[providers.desk]
flavour = "ollama"
url = "http://127.0.0.1:11434"

[models.sonnet]
provider = "claude"
id = "claude-sonnet-5"
tier = "large"
max_tokens = 8192

[models.sonnet.price]
input = 2
output = 10.5
cache_read = 0.2

[[models.sonnet.price.tiers]]
above = 200000
input = 4
output = 15

[models.odd]
provider = "claude"
id = "odd"
tier = "small"
ceiling = 0.05

[models.llama]
provider = "desk"
id = "llama3.2"
tier = "local"

[routes.code]
simple = "sonnet"
complex = "large"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "models.toml"
    path.write_text(text)
    return path


def test_a_file_says_providers_models_prices_and_routes(tmp_path: Path) -> None:
    found = read_models(written(tmp_path, GOOD))

    claude = found.providers["claude"]
    assert (claude.url, claude.key_from, claude.rate) == ("https://api.anthropic.com", "CLAUDE_KEY", "50/minute")
    assert (claude.patience.silence_s, claude.patience.tries) == (30, 4)
    assert [(model.name, model.tier) for model in found.routes.models] == [
        ("sonnet", Tier.large),
        ("odd", Tier.small),
        ("llama", Tier.local),
    ]
    rates = Rates(2_000_000, 10_500_000, 200_000)
    assert found.prices["sonnet"] == Price(rates, "file", ((200_000, Rates(4_000_000, 15_000_000)),))
    assert found.prices["odd"] == Declared(50_000)
    assert found.routes.table == {("code", "simple"): "sonnet", ("code", "complex"): "large"}
    assert found.embeddings is None


def test_a_file_may_name_a_model_for_embeddings_which_answers_nothing(tmp_path: Path) -> None:
    said = 'embeddings = "desk/hf.co/nomic-embed-text:v1.5"\nembeddings_price = 0.02\n'

    found = read_models(written(tmp_path, said + GOOD))

    assert found.embeddings is not None
    assert (found.embeddings.provider, found.embeddings.id) == ("desk", "hf.co/nomic-embed-text:v1.5")
    assert found.prices[found.embeddings.name] == Price(Rates(20_000, 0), "file")
    assert found.embeddings not in found.routes.models


@pytest.mark.parametrize(
    ("change", "to", "fault"),
    [
        ('flavour = "anthropic"', 'flavour = "other"', "providers.claude.flavour"),
        ('url = "http://127.0.0.1:11434"', 'url = "ftp://x"', "providers.desk.url"),
        ('key_env = "CLAUDE_KEY"', 'key = "sk-secret"', "providers.claude.key: there is no such field"),
        ('rate = "50/minute"', 'rate = "often"', "providers.claude.rate"),
        ('provider = "desk"', 'provider = "nobody"', "models.llama.provider: there is no provider nobody"),
        ("input = 2\n", "input = nan\n", "models.sonnet.price.input"),
        ("input = 2\n", "input = -1\n", "models.sonnet.price.input"),
        ("input = 2\n", "input = inf\n", "models.sonnet.price.input"),
        ("input = 2\n", "input = 1e30\n", "models.sonnet.price.input"),
        ("input = 2\n", 'input = "2"\n', "models.sonnet.price.input"),
        ("input = 2\n", "input = true\n", "models.sonnet.price.input"),
        ("ceiling = 0.05", "ceiling = 0", "models.odd.ceiling"),
        ('simple = "sonnet"', 'simple = "nothing"', "routes.code.simple: nothing is neither a model nor a tier"),
        ("[routes.code]", "[routes.poetry]", "routes.poetry: routes are by kind"),
        ("[models.llama]", "[models.small]", "models.small: that is the name of a tier"),
        ("[providers.claude]", "[providers.claude", "it is no TOML"),
        (
            "\n[providers.claude]",
            'embeddings = "nobody/x"\n[providers.claude]',
            "embeddings: there is no",
        ),
        ("[providers.claude]", 'embeddings = "claude/x"\n[providers.claude]', "embeddings: claude has none"),
        ("[providers.claude]", 'embeddings = "nomic"\n[providers.claude]', "embeddings"),
        (
            "\n[providers.claude]",
            "embeddings_price = 1\n[providers.claude]",
            "embeddings_price: there",
        ),
    ],
)
def test_every_fault_has_its_place(tmp_path: Path, change: str, to: str, fault: str) -> None:
    assert change in GOOD

    with pytest.raises(BadModels) as bad:
        read_models(written(tmp_path, GOOD.replace(change, to)))

    assert any(each.startswith(fault) for each in bad.value.faults), bad.value.faults
    assert "sk-secret" not in str(bad.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadModels) as bad:
        read_models(written(tmp_path, GOOD.replace("input = 2\n", "input = nan\n").replace('tier = "local"', "")))

    assert len(bad.value.faults) == 2


def test_a_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(BadModels, match="cannot be read"):
        read_models(tmp_path / "none")


def test_the_usual_variables_are_enough() -> None:
    found = from_environment((), {"ANTHROPIC_API_KEY": "a-key"})

    assert house_key(found.providers["anthropic"], {"ANTHROPIC_API_KEY": "a-key"}) == "a-key"
    assert house_key(found.providers["openai"], {"ANTHROPIC_API_KEY": "a-key"}) is None
    assert {model.provider for model in found.routes.models} == {"anthropic", "openai"}
    assert "ollama" not in found.providers


def test_another_address_has_other_models_which_somebody_must_name() -> None:
    environment = {"OPENAI_BASE_URL": "http://models.example.org/v1", "OLLAMA_HOST": "0.0.0.0"}  # noqa: S104 - read, not bound

    found = from_environment(("openai/mixtral=small", "ollama/llama3.2=local"), environment)

    assert found.providers["openai"].url == "http://models.example.org"
    assert found.providers["ollama"].url == "http://127.0.0.1:11434"
    named = [(model.provider, model.id) for model in found.routes.models if model.provider != "anthropic"]
    assert named == [("openai", "mixtral"), ("ollama", "llama3.2")]


@pytest.mark.parametrize("wrong", ["llama", "ollama/llama", "ollama/llama=huge", "nobody/x=small", "ollama/=local"])
def test_a_model_that_is_not_written_so_is_a_fault(wrong: str) -> None:
    with pytest.raises(BadModels, match="PROVIDER/ID=TIER"):
        from_environment((wrong,), {"OLLAMA_HOST": "127.0.0.1"})
