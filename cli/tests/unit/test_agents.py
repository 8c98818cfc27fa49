"""`orchestra agent` at a home of its own."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestra.cli import agents
from orchestra.cli.agents import Wanted
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.settings import CliSettings

NOTHING = Wanted(None, None, None, None, None, None, None, new_token=False)


def wanted(**fields: Any) -> Wanted:
    return Wanted(**{**vars(NOTHING), **fields})


async def test_agents_are_registered_shown_paused_and_retired(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = CliSettings(home=tmp_path / "home")

    await agents.ls(settings, as_json=True)
    [house] = json.loads(capsys.readouterr().out)
    made = wanted(type="implementer", kinds=["code"], capabilities=["python"], tools=["read_file"], concurrency=3)
    await agents.set_(settings, "coder", made, as_json=False)
    assert "coder: implementer, active, 3 at a time" in capsys.readouterr().err
    await agents.change(settings, "coder", "pause")
    await agents.ls(settings, as_json=False)
    listed = capsys.readouterr().out
    await agents.change(settings, "coder", "resume")
    await agents.set_(settings, "coder", wanted(kinds=["all"], tools=["all"], model="none"), as_json=True)
    changed = json.loads(capsys.readouterr().out)
    await agents.inspect(settings, "coder", as_json=False)
    inspected = capsys.readouterr().out
    await agents.change(settings, "coder", "retire")
    await agents.inspect(settings, "coder", as_json=True)
    retired = json.loads(capsys.readouterr().out)
    with pytest.raises(Stop) as refused:
        await agents.change(settings, "coder", "pause")

    assert house["name"] == "house"
    assert listed.splitlines()[-1].split()[:8] == ["coder", "implementer", "paused", "newcomer", "0", "of", "3", "code"]
    assert (changed["tools"], len(changed["kinds"]), changed["concurrency"]) == (None, 6, 3)
    assert "words: python" in inspected
    assert "in hand: 0 of 3 (idle)" in inspected
    assert retired["state"] == "retired"
    assert refused.value.code == Exit.CONFLICT


async def test_the_token_of_an_outside_agent_is_printed_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = CliSettings(home=tmp_path / "home")
    await agents.set_(settings, "scout", wanted(outside=True), as_json=False)
    first = capsys.readouterr().out.strip()
    await agents.set_(settings, "scout", wanted(concurrency=2), as_json=False)
    later = capsys.readouterr()
    await agents.set_(settings, "scout", wanted(new_token=True), as_json=False)
    renewed = capsys.readouterr().out.strip()
    await agents.inspect(settings, "scout", as_json=False)

    assert len(first) > 40
    assert later.out == ""
    assert renewed not in ("", first)
    shown = capsys.readouterr().out
    assert "outside, last heard: never" in shown
    assert renewed not in shown


@pytest.mark.parametrize("field", ["kinds", "capabilities", "tools"])
def test_all_and_none_stand_alone(field: str) -> None:
    assert wanted(**{field: ["all"]}).body == {field: None}
    assert wanted(**{field: ["none"]}).body == {field: []}
    assert wanted(**{field: ["a", "b"]}).body == {field: ["a", "b"]}
    with pytest.raises(Stop, match="stand alone"):
        _ = wanted(**{field: ["none", "a"]}).body


def test_what_is_not_named_is_not_sent() -> None:
    assert NOTHING.body == {}
    assert wanted(model="small", outside=False).body == {"model": "small", "outside": False}


async def test_an_agent_that_nobody_knows_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(Stop) as unknown:
        await agents.inspect(CliSettings(home=tmp_path / "home"), "nobody", as_json=False)

    assert unknown.value.code == Exit.NOT_FOUND
