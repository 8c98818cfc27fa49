"""What a sandboxed command costs over a bare subprocess, in this process: prints a row.

Three ways to run `true`, in turns, two at a time: a bare subprocess; the sandbox alone; a whole attempt, that is its
workspace, the sandbox, the log kept as an artifact, and all of it removed.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.peers.harness import TICKS, Clock

from orchestra.chassis.ids import new_id
from orchestra.chassis.streams import LocalStreams
from orchestra.contracts.planning import Command
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.adapters.artifact_store import DirectoryArtifacts
from orchestra.executor.adapters.sandbox.launch import CagedSandbox
from orchestra.executor.adapters.sandbox.probe import strongest
from orchestra.executor.adapters.workspaces import DirectoryWorkspaces
from orchestra.executor.application.perform_attempt import Bench, perform_attempt
from orchestra.executor.application.ports import Sandbox, SandboxCommand
from orchestra.executor.domain.attempt import HeldAttempt, Succeeded
from orchestra.executor.domain.policy import Level, Policy

CONCURRENCY = 2
WARM_UP = 20
POLICY = Policy()

Way = Callable[[], Awaitable[None]]


class Ways:
    """How `true` is run; each ends the program unless it succeeds."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        store = DirectoryArtifacts(folder / "artifacts")
        self._logs = folder / "logs"
        self._logs.mkdir()
        self._root = folder / "workspaces"
        self._sandbox = sandbox
        self._bench = Bench(sandbox, DirectoryWorkspaces(self._root, store), store, POLICY, self._logs, LocalStreams())

    async def bare(self) -> None:
        process = await asyncio.create_subprocess_exec("/usr/bin/true", env={})
        _expect(await process.wait() == 0)

    async def sandbox(self) -> None:
        name = new_id("att")
        workspace = self._root / name
        workspace.mkdir()
        command = SandboxCommand(("true",), ("true",), workspace, self._logs / name, 60, POLICY.limits)
        _expect((await self._sandbox.perform(command)).exit_code == 0)
        workspace.rmdir()
        command.log.unlink()

    async def attempt(self) -> None:
        stopped = asyncio.get_running_loop().create_future()
        ending = await perform_attempt(self._bench, held(), stopped, lambda _: None)
        _expect(isinstance(ending, Succeeded))


def held() -> HeldAttempt:
    now = datetime.now(UTC)
    dispatch = TaskDispatched(
        workspace_id="wsp_1",
        project_id="prj_1",
        run_id="run_1",
        task_id=new_id("tsk"),
        attempt_id=new_id("att"),
        number=1,
        token=1,
        title="True",
        at=now,
        command=Command(argv=("true",), tools=("true",)),
    )
    return HeldAttempt(dispatch, "bench", now, trace=None)


def _expect(succeeded: bool) -> None:
    if not succeeded:
        raise SystemExit("a command did not succeed")


async def turn(way: Way, count: int) -> tuple[list[float], float]:
    """Milliseconds of each of `count` runs, and CPU milliseconds of all: this process and what descends from it."""
    took: list[float] = []
    rest = iter(range(count))

    async def one_after_the_other() -> None:
        for _ in rest:
            began = time.perf_counter()
            await way()
            took.append(1000 * (time.perf_counter() - began))

    before = cpu_s()
    await asyncio.gather(*(one_after_the_other() for _ in range(CONCURRENCY)))
    return took, 1000 * (cpu_s() - before)


def cpu_s() -> float:
    """Of this process and all that descend from it, with those that were waited for."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for pid, fields in _processes():
        parents[pid], used[pid] = int(fields[1]), sum(map(int, fields[11:15]))
    return sum(used[pid] for pid in used if os.getpid() in _line(parents, pid)) / TICKS


def _processes() -> Iterator[tuple[int, list[str]]]:
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with suppress(OSError):  # it may have ended since
                yield int(path.name), (path / "stat").read_text().rpartition(")")[2].split()


def _line(parents: dict[int, int], pid: int) -> Iterator[int]:
    while pid in parents:
        yield pid
        pid = parents[pid]


async def measure(folder: Path, count: int, rounds: int, level: str | None) -> dict[str, Any]:
    sandbox = CagedSandbox(Level[level], POLICY) if level else await strongest(POLICY, folder / "probes")
    made = Ways(sandbox, folder)
    ways: dict[str, Way] = {"bare": made.bare, "sandbox": made.sandbox, "attempt": made.attempt}
    took: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        await turn(way, WARM_UP)
    with Clock() as clock:
        for name, way in [*ways.items()] * rounds:
            each, spent = await turn(way, count)
            took[name] += each
            cpu[name].append(spent / count)
    await sandbox.close()
    return {name: _figures(took[name], cpu[name]) for name in ways} | {
        "level": sandbox.level.name,
        "tasks": count * rounds,
        "concurrency": CONCURRENCY,
        "foreign_cores": round(clock.foreign, 2),
        "versions": {"python": sys.version.split()[0]},
    }


def _figures(took: list[float], cpu: list[float]) -> dict[str, float]:
    hundredths = quantiles(took, n=100, method="inclusive")
    return {
        "p50_ms": round(hundredths[49], 2),
        "p99_ms": round(hundredths[98], 2),
        "cpu_ms": round(median(cpu), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", type=int, default=200, help="runs of each way in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--level", choices=("L2", "L3"), help="the strongest that proves itself without it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        folder.chmod(0o711)  # as the folder of a service is: a user of its own may pass
        (folder / "probes").mkdir()
        print(json.dumps(asyncio.run(measure(folder, given.tasks, given.rounds, given.level))), flush=True)


if __name__ == "__main__":
    main()
