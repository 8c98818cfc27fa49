"""Where tools are found, and what a sandbox shows so that they work."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestra.executor.adapters.sandbox import tools


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    def forget() -> None:
        for cached in (tools.find, tools.shown_folders, tools.environment):
            cached.cache_clear()

    forget()
    yield
    forget()


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_a_tool_of_the_system_is_found() -> None:
    assert tools.find("sort") == Path("/usr/bin/sort")


def test_a_tool_that_is_not_there_is_named() -> None:
    with pytest.raises(tools.UnknownTool, match="no-such-tool is not installed in /usr/local/bin"):
        tools.find("no-such-tool")


def test_a_file_that_cannot_be_run_is_no_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "tool").chmod(0o644)
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(tools, "SEARCH", (str(tmp_path),))
    for name in ("tool", "folder"):
        with pytest.raises(tools.UnknownTool):
            tools.find(name)


def test_a_link_to_a_program_that_the_sandbox_does_not_show_is_no_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = program(tmp_path / "home" / "tool")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tool").symlink_to(target)
    monkeypatch.setattr(tools, "SEARCH", (str(tmp_path / "bin"),))
    with pytest.raises(tools.UnknownTool, match=f"tool is {target}, outside what the sandbox shows"):
        tools.find("tool")


def test_without_a_python_of_the_system_the_running_one_is_shown_but_not_all_of_its_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = program(tmp_path / "bin" / "python3")
    (tmp_path / "lib").mkdir()
    (tmp_path / "secrets").mkdir()
    monkeypatch.setattr(tools, "SEARCH", ("/nowhere",))
    monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
    assert tools.find("python3") == python
    assert tools.shown_folders() == (*tools.SYSTEM, str(tmp_path / "bin"), str(tmp_path / "lib"))
    assert tools.environment("/home")["PATH"] == f"/nowhere:{tmp_path}/bin"


def test_the_environment_holds_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    assert set(tools.environment("/home")) == {"PATH", "HOME", "TMPDIR", "LANG", "TZ", "GIT_CONFIG_NOSYSTEM"}
