"""How quickly the embedded host answers, what it holds and does while nobody asks, and how quick `orchestra --help` is.

`python -m bench.startup [--idle 60] [--rounds 5] [--json] [--gate]`; with --gate it exits 1 when a limit is passed.
"""

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from tests.private_servers import free_port
from tests.system import CLI, clean_environment

LIMITS = {"first_answer_s": 3.0, "memory_mb": 150.0, "idle_cpu_percent": 1.0, "help_s": 0.5}
SETTLING_S = 15.0
"""After the first answer; then what a start leaves to be done is done."""
START_LIMIT_S = 120.0
MB = 1024 * 1024

Row = dict[str, Any]


@contextmanager
def _up(home: Path, port: int) -> Iterator[psutil.Process]:
    command = [*CLI, "up", "--home", str(home), "--port", str(port)]
    with (home / "log").open("wb") as log:
        process = psutil.Popen(command, env=clean_environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _first_answer(home: Path, port: int, process: psutil.Process) -> float:
    """Seconds until the API answers its owner."""
    began, credentials = time.monotonic(), home / "credentials"
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30) as client:
        while time.monotonic() - began < START_LIMIT_S and process.is_running():
            try:
                key = json.loads(credentials.read_text())["api_key"]
                if client.get("/me", headers={"Authorization": f"Bearer {key}"}).status_code == 200:
                    return time.monotonic() - began
            except (httpx.TransportError, FileNotFoundError, json.JSONDecodeError):
                time.sleep(0.01)
    raise RuntimeError(f"the host does not answer:\n{(home / 'log').read_text()[-2000:]}")


def _memory(process: psutil.Process) -> Row:
    """MB. What processes share counts once in PSS, and in RSS for each."""
    full = process.memory_full_info()
    return {
        "process": " ".join(process.cmdline()[1:4])[:60],
        "rss_mb": round(full.rss / MB, 1),
        "pss_mb": round(full.pss / MB, 1) if hasattr(full, "pss") else None,
    }


def _cpu_s(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def host(idle_s: float) -> Row:
    """The embedded host in a fresh home, from its start through an idle time."""
    with tempfile.TemporaryDirectory(prefix="orchestra-startup-") as folder:
        home, port = Path(folder), free_port()
        with _up(home, port) as process:
            first = _first_answer(home, port, process)
            start_cpu = _cpu_s([process, *process.children(recursive=True)])
            time.sleep(min(SETTLING_S, idle_s))
            family = [process, *process.children(recursive=True)]
            before, began = _cpu_s(family), time.monotonic()
            time.sleep(idle_s)
            cpu, lasted = _cpu_s(family) - before, time.monotonic() - began
            memory = [_memory(each) for each in family]
    total = sum(each["rss_mb"] if each["pss_mb"] is None else each["pss_mb"] for each in memory)
    return {
        "first_answer_s": round(first, 2),
        "first_answer_cpu_s": round(start_cpu, 2),
        "memory_mb": round(total, 1),
        "idle_cpu_percent": round(100 * cpu / lasted, 2),
        "processes": memory,
    }


def _median(rounds: int, *command: str) -> tuple[float, float]:
    """Seconds on the clock and on the processor."""

    def once() -> tuple[float, float]:
        began = time.monotonic()
        done = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment())
        times = _last_times(done)
        return time.monotonic() - began, times

    found = [once() for _ in range(rounds)]
    return statistics.median(wall for wall, _ in found), statistics.median(cpu for _, cpu in found)


def _last_times(process: psutil.Popen) -> float:
    before = psutil.Process().cpu_times()
    process.wait()
    after = psutil.Process().cpu_times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def help_(rounds: int) -> Row:
    """`orchestra --help` beside the least that Python and its library for commands need."""
    commands = {
        "help": (*CLI, "--help"),
        "python": (sys.executable, "-c", "pass"),
        "typer": (sys.executable, "-c", "import typer"),
    }
    row: Row = {}
    for name, command in commands.items():
        wall, cpu = _median(rounds, *command)
        row |= {f"{name}_s": round(wall, 3), f"{name}_cpu_s": round(cpu, 3)}
    return row


def show(row: Row) -> None:
    print(f"{'':24}{'measured':>12}{'limit':>12}")
    for name, limit in LIMITS.items():
        print(f"{name:24}{row[name]:12,.2f}{limit:12,.2f}{'' if row[name] <= limit else '  passed'}")
    print(f"\n{'':24}{'clock, s':>12}{'cpu, s':>12}")
    for name, title in (("help", "orchestra --help"), ("typer", "import typer"), ("python", "python -c pass")):
        print(f"{title:24}{row[f'{name}_s']:12,.2f}{row[f'{name}_cpu_s']:12,.2f}")
    print(f"{'first answer':24}{row['first_answer_s']:12,.2f}{row['first_answer_cpu_s']:12,.2f}")
    print(f"\n{'':24}{'resident, MB':>12}{'own, MB':>12}")
    for each in row["processes"]:
        print(f"{each['process'][-24:]:24}{each['rss_mb']:12,.1f}{each['pss_mb'] or 0:12,.1f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--idle", type=float, default=60.0, help="seconds that it is watched while nobody asks")
    parser.add_argument("--rounds", type=int, default=5, help="of --help")
    parser.add_argument("--json", action="store_true", help="a line of JSON after the table")
    parser.add_argument("--gate", action="store_true", help="exit 1 when a limit is passed")
    given = parser.parse_args()
    row = help_(given.rounds) | host(given.idle)
    row["passed"] = [name for name, limit in LIMITS.items() if row[name] > limit]
    show(row)
    if given.json:
        print(json.dumps(row), flush=True)
    return int(given.gate and bool(row["passed"]))


if __name__ == "__main__":
    sys.exit(main())
