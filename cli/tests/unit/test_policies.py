"""`orchestra policy check|explain`: what a policy says, and with which exit code."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestra.cli.main import app


def ask(*words: str) -> Result:
    return CliRunner().invoke(app, ["policy", *words])


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "policy.toml"
    path.write_text('tools = ["git"]\n[network]\nhosts = ["example.org"]\n')
    return str(path)


def test_a_command_that_the_policy_allows_is_told_so(policy: str) -> None:
    told = ask("check", "--policy", policy, "--host", "example.org", "--", "git", "clone", "--depth", "1")
    assert (told.exit_code, told.output) == (0, f"{policy}: git would be allowed\n")


def test_a_command_that_it_refuses_is_told_with_every_reason(policy: str) -> None:
    told = ask("check", "--policy", policy, "--host", "evil.net", "--", "rm", "-rf", "x")
    assert told.exit_code == 5
    assert f"{policy}: rm would be refused" in told.output
    assert "tool-not-allowed: 'rm' is not among the tools that the policy allows." in told.output
    assert "host-not-allowed: 'evil.net'" in told.output


def test_without_a_command_the_file_itself_is_judged(policy: str, tmp_path: Path) -> None:
    assert ask("check", "--policy", policy).output == f"{policy}: it is right\n"


def test_the_file_of_the_settings_counts_and_their_tools_too(policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask("check", "--", "rm").exit_code == 0
    monkeypatch.setenv("ORCHESTRA_POLICY_FILE", policy)
    assert ask("check", "--", "rm").exit_code == 5
    monkeypatch.setenv("ORCHESTRA_TOOLS", '["rm"]')
    assert ask("check", "--", "rm").exit_code == 0


def test_explaining_shows_what_holds_for_every_command(policy: str) -> None:
    told = ask("explain", "--policy", policy, "--json", "--", "git", "status")
    shown = json.loads(told.output)
    assert (told.exit_code, shown["policy"], shown["allowed"]) == (0, policy, True)
    assert shown["rulings"] == [
        {"rule": "tools", "allowed": True, "why": "'git' is among the tools that the policy allows."}
    ]
    assert (shown["terms"]["tools"], shown["terms"]["network.hosts"]) == ("git", "example.org")
    assert "limits.wall_s" in ask("explain", "--policy", policy).output
