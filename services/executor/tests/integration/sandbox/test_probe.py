"""The sandbox proves itself, and its level is what was proven."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from services.executor.tests.integration.sandbox.bench import require, running

from orchestra.executor.adapters.sandbox import attempts, bubblewrap, landlock, probe
from orchestra.executor.adapters.sandbox.launch import CagedSandbox
from orchestra.executor.application.ports import SandboxCommand, SandboxUnavailable
from orchestra.executor.domain.policy import Level, Limits, Policy

ATTEMPTS = {
    *("write-outside", "write-settings", "write-through-link", "change-modes-outside", "read-outside"),
    *("read-through-link", "read-shadow", "environment", "environment-of-others", "tcp", "unix-socket"),
    *("abstract-socket", "signal", "limits-of-others", "mount", "user-namespace", "user-namespace-by-clone", "keyctl"),
    *("bpf", "ptrace", "udp", "device", "sparse-file", "processes", "nothing-left-behind", "works"),
}


def no_bubblewrap() -> frozenset[str]:
    raise bubblewrap.MissingPart("bwrap is not installed.")


def command(folder: Path) -> SandboxCommand:
    (folder / "workspace").mkdir()
    return SandboxCommand(("true",), ("true",), folder / "workspace", folder / "log", 10, Limits())


async def test_bubblewrap_is_level_3(tmp_path: Path) -> None:
    require(Level.L3)
    sandbox = await probe.strongest(Policy(), tmp_path)
    assert sandbox.level is Level.L3
    together = {"memory-together"} if sandbox.grouping.version else set[str]()
    assert {check.name for check in sandbox.checks} == ATTEMPTS | {"hook"} | together
    assert (await sandbox.perform(command(tmp_path))).exit_code == 0
    await sandbox.close()


async def test_without_bubblewrap_landlock_is_level_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require(Level.L2)
    monkeypatch.setattr(bubblewrap, "features", no_bubblewrap)
    sandbox = await probe.strongest(Policy(), tmp_path)
    assert sandbox.level is Level.L2
    assert [(c.level, c.name, c.detail) for c in sandbox.checks if not c.passed] == [
        (Level.L3, "available", "bwrap is not installed.")
    ]
    together = {"memory-together"} if sandbox.grouping.version else set[str]()
    assert {check.name for check in sandbox.checks if check.level is Level.L2} == ATTEMPTS | together
    assert (await sandbox.perform(command(tmp_path))).exit_code == 0
    await sandbox.close()


async def test_below_the_policys_level_every_command_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require(Level.L2)
    monkeypatch.setattr(bubblewrap, "features", no_bubblewrap)
    sandbox = await probe.strongest(Policy(min_level=Level.L3), tmp_path)
    assert sandbox.level is Level.L2
    with pytest.raises(SandboxUnavailable, match=r"level L3 and this machine gives L2.*bwrap is not installed"):
        await sandbox.perform(command(tmp_path))
    assert not (tmp_path / "log").exists()
    await sandbox.close()


async def test_where_nothing_confines_commands_they_are_refused_with_both_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bubblewrap, "features", no_bubblewrap)
    monkeypatch.setattr(landlock, "abi", lambda: 4)
    sandbox = await probe.strongest(Policy(), tmp_path)
    assert sandbox.level is Level.NONE
    with pytest.raises(SandboxUnavailable, match=r"bwrap is not installed.*landlock has ABI 4; 6 is needed"):
        await sandbox.perform(command(tmp_path))
    await sandbox.close()


@pytest.mark.parametrize("escape", ["read-outside", "tcp", "nothing-left-behind"])
async def test_one_successful_attempt_is_enough_to_disprove_a_level(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, escape: str
) -> None:
    require(Level.L2)
    monkeypatch.setattr(bubblewrap, "features", no_bubblewrap)
    seen: Callable[[probe.Stage], object] = probe.Stage.traces
    monkeypatch.setattr(probe.Stage, "traces", lambda stage: [*seen(stage), (escape, "it was possible")])  # type: ignore[misc]
    sandbox = await probe.strongest(Policy(), tmp_path)
    assert sandbox.level is Level.NONE
    with pytest.raises(SandboxUnavailable, match=f"L2 {escape}: it was possible"):
        await sandbox.perform(command(tmp_path))
    await sandbox.close()


async def test_a_sandbox_that_cannot_start_is_not_proven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require(Level.L2)
    monkeypatch.setattr(bubblewrap, "features", no_bubblewrap)

    def broken(self: CagedSandbox, wanted: SandboxCommand) -> object:
        raise SandboxUnavailable("no user can be changed to")

    monkeypatch.setattr(CagedSandbox, "_request", broken)
    sandbox = await probe.strongest(Policy(), tmp_path)
    assert sandbox.level is Level.NONE
    assert ("available", "no user can be changed to") in [(c.name, c.detail) for c in sandbox.checks]
    await sandbox.close()


async def test_probing_leaves_nothing(tmp_path: Path) -> None:
    await (await probe.strongest(Policy(), tmp_path)).close()
    assert list(tmp_path.iterdir()) == []


def test_outside_a_sandbox_the_attempts_succeed(tmp_path: Path) -> None:
    """Else that they fail inside would prove nothing. Left out are those that would harm this machine as root."""
    stopped_by_nobody = {
        *("write-outside", "write-through-link", "change-modes-outside", "read-outside", "read-through-link"),
        *("environment", "environment-of-others", "tcp", "unix-socket", "abstract-socket", "signal"),
        *("limits-of-others", "processes", "udp", "hook"),
    }
    with probe.outside(tmp_path) as stage:
        with stage.log.open("w") as log:
            subprocess.run(
                [sys.executable, "-I", attempts.__file__, json.dumps(stage.target), *stopped_by_nobody],
                cwd=stage.workspace,
                env={"TMPDIR": str(tmp_path), "SECRET": "x", "PATH": os.defpath},
                stdout=log,
                check=True,
            )
        found: dict[str, str] = json.loads(stage.log.read_text())
        stage.victim.wait(10)
        seen = {name for name, fault in stage.traces() if fault}
        for left in running(str(stage.workspace.parent)):
            os.kill(left, 9)
    assert {name for name, fault in found.items() if not fault} == {"works", "udp", "hook"}  # seen from outside
    assert seen == {"write-outside", "change-modes-outside", "signal", "nothing-left-behind", "udp", "hook"}
