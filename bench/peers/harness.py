"""What every measured program shares: the clock, the row it prints, and child processes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from bench.peers.workload import Workload

SERVERS = ("postgres", "beam.smp", "redis-server")
TICKS = os.sysconf("SC_CLK_TCK")


class Clock:
    """`with Clock() as clock: …` gives, in seconds, `wall`, `own` (CPU of this process) and `machine` (CPU of the
    machine less foreign work); `foreign` is how many cores were kept busy by what is no part of the run."""

    def __enter__(self) -> "Clock":
        self._machine, self._own, self._start = _cpu(), time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall = time.perf_counter() - self._start
        self.own = time.process_time() - self._own
        busy, plain, ours = (after - before for before, after in zip(self._machine, _cpu(), strict=True))
        foreign = max(0, plain - ours) / TICKS
        self.machine = max(0.0, busy / TICKS - foreign)
        self.foreign = foreign / self.wall


def _cpu() -> tuple[int, int, int]:
    """CPU in ticks so far: the whole machine, the same without interrupts, ours.

    Ours are this process and its descendants, the servers, and kernel threads. The rest is foreign work.
    """
    machine = [int(word) for word in Path("/proc/stat").read_text().partition("\n")[0].split()[1:]]
    processes: dict[int, tuple[str, int, int, int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
            fields = rest.split()
            own, reaped = sum(map(int, fields[11:13])), sum(map(int, fields[13:15]))
            processes[int(path.parent.name)] = name, int(fields[1]), own, reaped
    ours = 0
    for pid, (name, parent, own, reaped) in processes.items():
        ancestor = pid
        while ancestor in processes and ancestor != os.getpid():
            ancestor = processes[ancestor][1]
        if ancestor == os.getpid():
            ours += own + reaped
        elif parent == 2 or name.startswith(SERVERS):  # the parent of all kernel threads is 2
            ours += own
    idle = machine[3] + machine[4]
    return sum(machine[:8]) - idle, sum(machine[:3]), ours


def peak_mb(*pids: int) -> float:
    """The largest resident sets that these processes have had, added up."""
    kb = 0
    for pid in pids:
        status = Path(f"/proc/{pid}/status").read_text()
        kb += next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return kb / 1024


def emit(workload: Workload, clock: Clock, *, cpu: float, peak: float, packages: Sequence[str]) -> None:
    """Print the row of one run as one line of JSON. `cpu` in seconds, `peak` in megabytes."""
    row: dict[str, Any] = {
        "tasks_per_s": round(workload.tasks / clock.wall, 1),
        "ms_per_step": round(1000 * clock.wall / workload.steps, 3),
        "cpu_ms_per_task": round(1000 * cpu / workload.tasks, 3),
        "peak_mb": round(peak, 1),
        "wall_s": round(clock.wall, 4),
        "foreign_cores": round(clock.foreign, 2),
        "versions": {"python": sys.version.split()[0], **{name: metadata.version(name) for name in packages}},
    }
    print(json.dumps(row), flush=True)


@contextmanager
def child(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """A program that is told to end with the block; what it says goes into the log."""
    with log.open("ab") as out, subprocess.Popen(command, env=environment, stdout=out, stderr=out) as process:
        try:
            yield process
        finally:
            process.terminate()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds:g} s")
        time.sleep(0.05)
