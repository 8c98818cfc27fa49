"""A workspace for real commands in a real sandbox, and how to find their processes."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from orchestra.executor.adapters.sandbox import bubblewrap, landlock
from orchestra.executor.adapters.sandbox.delegation import Groups, NoGroups, claim
from orchestra.executor.adapters.sandbox.launch import CagedSandbox
from orchestra.executor.application.ports import Outcome, SandboxCommand
from orchestra.executor.domain.policy import MIB, Level, Limits

FORK_BOMB = """
import os, time
end = time.monotonic() + 10
while time.monotonic() < end:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        pass
"""
"""Ends by itself, should a test fail to end it."""
LIMITS = Limits(memory_bytes=1024 * MIB, processes=64, file_bytes=64 * MIB, workspace_bytes=64 * MIB)


@dataclass
class Bench:
    sandbox: CagedSandbox
    folder: Path

    def __post_init__(self) -> None:
        self.workspace.mkdir()

    @property
    def level(self) -> Level:
        return self.sandbox.level

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def text(self) -> str:
        return self.log.read_text()

    def command(self, *argv: str, timeout: float = 20, limits: Limits = LIMITS) -> SandboxCommand:
        return SandboxCommand(argv, (argv[0],), self.workspace, self.log, timeout, limits)

    async def run(self, *argv: str, timeout: float = 20, limits: Limits = LIMITS) -> Outcome:
        return await self.sandbox.perform(self.command(*argv, timeout=timeout, limits=limits))

    async def python(self, source: str, *argv: str, timeout: float = 20, limits: Limits = LIMITS) -> Outcome:
        return await self.run("python3", "-c", source, *argv, timeout=timeout, limits=limits)

    async def output(self, *argv: str) -> str:
        """Of a command that has to succeed."""
        outcome = await self.run(*argv)
        assert outcome.exit_code == 0, outcome
        return self.text


def require(level: Level) -> None:
    """Skips aloud where this machine cannot have the level, and fails where everything is asked for."""
    reason = ""
    if level is Level.L3:
        try:
            bubblewrap.features()
        except bubblewrap.MissingPart as missing:
            reason = str(missing)
    elif landlock.abi() < landlock.OLDEST_ABI:
        reason = f"landlock has ABI {landlock.abi()}."
    if reason:
        not_tested(f"SANDBOX LEVEL {level.name}: {reason}")


def groups() -> Groups | None:
    """Control groups where this machine gives some: commands are then tested with them."""
    try:
        return claim()
    except NoGroups:
        return None


def not_tested(reason: str) -> NoReturn:
    if os.environ.get("ORCHESTRA_REQUIRE_SERVERS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(f"NOT TESTED: {reason}")


def running(marker: str) -> list[int]:
    """Processes, zombies excepted, with `marker` among their arguments, in whatever namespace."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.01)
