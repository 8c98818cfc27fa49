"""What even warden and keeper could not end is ended by the next executor."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from services.executor.tests.integration.sandbox.bench import Bench, running, until
from services.executor.tests.integration.sandbox.test_ending import EXECUTOR, WAITING

from orchestra.executor.adapters.sandbox import kernel
from orchestra.executor.adapters.sandbox.orphans import end_orphans
from orchestra.executor.domain.policy import Level


def executor(bench: Bench, marker: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", EXECUTOR, bench.level.name, str(bench.folder), "python3", "-c", WAITING, marker]
    return subprocess.Popen(argv)


async def test_what_is_left_when_warden_and_keeper_are_killed_at_once_is_ended(bench: Bench, marker: str) -> None:
    with executor(bench, marker) as process:
        await until((bench.workspace / "ready").exists)
        await until(lambda: len(running(marker)) >= 5)
        [warden] = kernel.children(process.pid)
        killed = [process.pid, warden, *kernel.children(warden)]
        for number in (signal.SIGSTOP, signal.SIGKILL):  # so that none sees another die
            for pid in killed:
                os.kill(pid, number)
    if bench.level is Level.L2:
        await until(lambda: len(running(marker)) <= 3)  # the first process went with its keeper
        assert running(marker) != [], "else there is nothing to end"
        assert end_orphans(bench.folder) == 3
    await until(lambda: running(marker) == [], 5)


async def test_commands_of_a_living_warden_are_left_alone(bench: Bench, marker: str) -> None:
    performing = asyncio.ensure_future(bench.run("sleep", marker))
    await until(lambda: running(marker) != [])
    assert end_orphans(bench.folder) == 0
    assert running(marker) != []
    performing.cancel()
    await asyncio.wait({performing})


async def test_processes_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "workspace").mkdir()
    inside = tmp_path / "workspace"
    with subprocess.Popen(["/bin/sleep", "60"], cwd=inside, env={"TMPDIR": f"{inside}.tmp"}) as other:
        assert end_orphans(tmp_path) == 0
        assert other.poll() is None
        other.kill()
