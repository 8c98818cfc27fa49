"""`orchestra models` at a home of its own, and a provider that stands in."""

import asyncio
import io
import json
import sys
from pathlib import Path

import pytest
from tests.standins import ModelStandIn
from tests.standins.configured import models_toml
from tests.system import CLI

from orchestra.cli import models, projects
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.settings import CliSettings

CANARY = "sk-canary-0123456789abcdef"


async def test_a_key_is_set_from_standard_input_tried_listed_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, file = CliSettings(home=tmp_path / "home"), tmp_path / "models.toml"
    monkeypatch.setenv("ORCHESTRA_MODELS_FILE", str(file))
    async with ModelStandIn(keys=(CANARY,)) as provider:
        file.write_text(
            f'[providers.claude]\nflavour = "anthropic"\nurl = "{provider.url}"\n'
            '[models.sonnet]\nprovider = "claude"\nid = "claude-sonnet-5"\ntier = "large"\n'
        )
        await projects.create(settings, "guide", "", as_json=True)
        monkeypatch.setattr(sys, "stdin", io.StringIO(CANARY + "\n"))
        await models.set_key(settings, None, "claude", None)
        tried = await models.test_key(settings, None, "claude", as_json=False)
        told = capsys.readouterr()
        await models.list_keys(settings, None, as_json=True)
        listed = capsys.readouterr()
        await models.ls(settings, as_json=True)
        shown = capsys.readouterr()
        removed = await models.remove_key(settings, None, "claude")

    assert (tried, removed) == (Exit.OK, Exit.OK)
    assert "it answers; 5 models" in told.out + told.err
    assert [key["provider"] for key in json.loads(listed.out)] == ["claude"]
    [model] = json.loads(shown.out)
    assert (model["name"], model["tier"], model["input_micros"], model["key"]) == ("sonnet", "large", 2_000_000, "none")
    assert CANARY not in "".join(each.out + each.err for each in (told, listed, shown))


async def test_a_project_chooses_its_model_sees_it_and_takes_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, file = CliSettings(home=tmp_path / "home"), tmp_path / "models.toml"
    monkeypatch.setenv("ORCHESTRA_MODELS_FILE", str(file))
    file.write_text(models_toml("http://127.0.0.1:9"))
    await projects.create(settings, "guide", "", as_json=True)
    capsys.readouterr()

    async def use(name: str | None = None, *, clear: bool = False, as_json: bool = False) -> str:
        assert await models.use(settings, "guide", name, clear=clear, as_json=as_json) is Exit.OK
        told = capsys.readouterr()
        return told.out + told.err

    assert "none of its own" in await use()
    assert json.loads(await use(as_json=True)) is None
    assert (await use("sonnet")).startswith("sonnet, since ")
    assert json.loads(await use("small", as_json=True))["choice"] == "small"
    assert (await use()).startswith("small, since ")
    with pytest.raises(Stop, match="there are local, small, large, sonnet") as refused:
        await use("opus")
    assert refused.value.code is Exit.USAGE
    await use(clear=True)
    assert "none of its own" in await use()
    with pytest.raises(Stop) as nothing:
        await use(clear=True)
    assert nothing.value.code is Exit.NOT_FOUND
    with pytest.raises(Stop, match="not both"):
        await use("sonnet", clear=True)


async def test_no_key_is_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))

    with pytest.raises(Stop, match="standard input"):
        await models.set_key(CliSettings(home=tmp_path), None, "claude", None)


async def test_help_loads_no_library_of_a_provider() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-X",
        "importtime",
        *CLI[1:],
        "--help",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, imports = await process.communicate()

    assert b"typer" in imports
    for library in (b"anthropic", b"openai", b"pydantic_ai", b"genai_prices", b"cryptography"):
        assert library not in imports
