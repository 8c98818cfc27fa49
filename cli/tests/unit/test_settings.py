"""Flags go before the environment, that before the file, that before the defaults; what is wrong is named."""

from pathlib import Path

import pytest

from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop, exit_of
from orchestra.cli.journey import default_team, outcome
from orchestra.cli.settings import CliSettings, load


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("GATEWAY", "API_KEY", "HOME", "OUT", "CONCURRENCY", "RETRIES", "BACK_OFF_SECONDS", "LOG_LEVEL"):
        monkeypatch.delenv(f"ORCHESTRA_{name}", raising=False)


def test_each_source_goes_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(None, {}).concurrency is None
    (tmp_path / "orchestra.toml").write_text("concurrency = 1\nretries = 1\n")
    assert load(None, {}).concurrency == 1
    monkeypatch.setenv("ORCHESTRA_CONCURRENCY", "2")
    assert load(None, {}).concurrency == 2
    assert load(None, {"concurrency": 3, "retries": None}).concurrency == 3
    assert load(None, {"retries": None}).retries == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [("colour = 1", "unknown settings: colour"), ("api_key = 'x'", "unknown settings: api_key"), ("a =", "orchestra")],
)
def test_a_file_that_says_something_unknown_is_refused(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "orchestra.toml").write_text(content)
    with pytest.raises(Stop, match=said) as caught:
        load(None, {})
    assert caught.value.code is Exit.USAGE


def test_all_wrong_values_are_named_at_once() -> None:
    with pytest.raises(Stop) as caught:
        load(None, {"gateway": "ftp://x", "concurrency": 0})
    assert {fault.partition(":")[0] for fault in caught.value.faults} == {"gateway", "concurrency"}


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (403, "policy-denied", Exit.POLICY),
        (401, "unauthenticated", Exit.POLICY),
        (404, "unknown-run", Exit.NOT_FOUND),
        (409, "hash-mismatch", Exit.CONFLICT),
        (413, "document-too-large", Exit.USAGE),
        (422, "invalid-request", Exit.USAGE),
        (503, "unavailable", Exit.UNAVAILABLE),
        (500, "internal-error", Exit.FAILED),
    ],
)
def test_a_refusal_has_its_exit_code(status: int, code: str, expected: Exit) -> None:
    assert exit_of(status, code) is expected


@pytest.mark.parametrize(
    ("status", "totals", "until_people", "expected"),
    [
        ("finished", {"done": 3}, False, Exit.OK),
        ("waiting", {"assigned": 1}, False, Exit.WAITING),
        ("waiting", {"assigned": 1}, True, Exit.OK),
        ("waiting", {"assigned": 1, "failed": 1}, True, Exit.FAILED),
        ("failed", {"failed": 1}, True, Exit.FAILED),
        ("cancelled", {"cancelled": 1}, True, Exit.FAILED),
    ],
)
def test_where_a_run_stops_decides_the_exit_code(
    status: str, totals: dict[str, int], until_people: bool, expected: Exit
) -> None:
    assert outcome({"status": status, "totals": totals}, until_people=until_people) is expected


def test_without_a_team_there_is_one_person_and_this_machine() -> None:
    tasks = [
        {"id": "a", "role": "editor"},
        {"id": "b", "role": "build", "command": {"argv": ["sort"], "tools": ["sort"]}},
    ]
    you, machine = default_team({"tasks": tasks})["members"]
    assert (you["roles"], machine["roles"], machine["tools"]) == (["editor"], ["build"], ["sort"])


def test_where_there_is_work_for_an_agent_the_team_has_a_member_for_it() -> None:
    tasks = [
        {"id": "a", "title": "A", "role": "writer", "agent": {"instructions": "Do it.", "commands": ["make"]}},
        {"id": "b", "title": "B", "command": {"argv": ["sort"], "tools": ["sort"]}},
    ]

    you, machine, assistant = default_team({"tasks": tasks})["members"]

    assert (you["roles"], machine["tools"]) == ([], ["sort"])
    assert (assistant["agent"], assistant["roles"], assistant["tools"]) == ("any", ["writer"], ["make"])
    assert len(default_team({"tasks": tasks[1:]})["members"]) == 2


@pytest.mark.parametrize("key", [None, ""])
async def test_a_gateway_without_a_key_is_not_asked(key: str | None) -> None:
    with pytest.raises(Stop, match="ORCHESTRA_API_KEY") as caught:
        async with connected(CliSettings(gateway="http://127.0.0.1:9", api_key=key)):
            pass

    assert caught.value.code == Exit.USAGE
