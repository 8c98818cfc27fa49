"""The engine on the standard workload of no-op tasks, beside its floor: `python -m bench.engine`.

Each measurement is a program of its own, so that no peak and no cache is shared; ours and the floor take turns, and
the figures are medians over the rounds. The workload `commands` runs real ones in the sandbox beside bare subprocesses.
What they mean stands in bench/README.md.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import product
from statistics import median
from typing import Any

from bench.peers.engines import PEERS
from bench.peers.workload import WORKLOADS, Workload
from bench.servers import own_servers

FIGURES = {"tasks_per_s": "tasks/s", "ms_per_step": "ms/step", "cpu_ms_per_task": "CPU ms/task", "peak_mb": "peak MB"}
PROGRAMS = {
    "embedded": ("bench.embedded", "bench.peers.floor_embedded"),
    "distributed": ("bench.distributed", "bench.peers.floor_engine"),
}
COMMANDS = "commands"
SIDES = ("sandbox", "attempt")
OVER_BARE = {"p50_ms": 10.0, "p99_ms": 25.0, "cpu_ms": 9.0}
"""Milliseconds that a whole attempt of `true` may cost over a bare subprocess, two at a time."""
LIMIT_S = 600
QUIET = 0.1
"""Cores that others may keep busy beside a measurement that counts."""

Row = dict[str, Any]


def measure(program: Sequence[str], workload: Workload, *, servers: bool) -> Row:
    """The row that the program prints last."""
    command = [*program, "--shape", workload.shape, "--tasks", str(workload.tasks)]
    with (
        own_servers() if servers else nullcontext({}) as environment,
        subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | environment) as process,
    ):
        try:
            printed, _ = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # so that it ends what it has started
            raise SystemExit(f"{program[-1]} took more than {LIMIT_S} s") from None
    if process.returncode:
        raise SystemExit(f"{program[-1]} ended with {process.returncode}")
    return json.loads(printed.splitlines()[-1])


def compare(name: str, runtime: str, workload: Workload, rounds: int, peers: Sequence[str] = ()) -> Row:
    """Medians of ours, under `floor` of the floor, and under `peers` of the other engines that have such a shape."""
    own = [[sys.executable, "-m", program] for program in PROGRAMS[runtime]]
    others = {peer: PEERS[peer].command() for peer in peers if workload.shape in PEERS[peer].shapes}
    rows: list[tuple[Row, Row]] = []
    told: defaultdict[str, list[Row]] = defaultdict(list)
    for _ in range(rounds):
        ours, floor = (measure(program, workload, servers=runtime == "distributed") for program in own)
        rows.append((ours, floor))
        for other, program in others.items():
            told[other].append(measure(program, workload, servers=True))
    ours, floor = ([pair[side] for pair in rows] for side in (0, 1))
    return {
        **_medians(ours),
        "floor": _medians(floor),
        "peers": {other: _medians(each) | {"versions": each[0]["versions"]} for other, each in told.items()},
        "workload": name,
        "tasks": workload.tasks,
        "runtime": runtime,
        "rounds": rounds,
        "versions": floor[0]["versions"] | ours[0]["versions"],
    }


def compare_commands(rounds: int, tasks: int | None, level: str | None) -> Row:
    """The figures of a whole attempt and, beside it, of the sandbox alone and of a bare subprocess."""
    command = [sys.executable, "-m", "bench.commands", "--rounds", str(rounds)]
    command += ["--tasks", str(tasks)] if tasks else []
    command += ["--level", level] if level else []
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=LIMIT_S)
    if done.returncode:
        raise SystemExit(f"bench.commands ended with {done.returncode}")
    row = json.loads(done.stdout.splitlines()[-1])
    bare = row["bare"]
    over = {side: {each: round(row[side][each] - bare[each], 2) for each in OVER_BARE} for side in SIDES}
    ratio = {side: {each: _ratio(row[side][each], bare[each]) for each in OVER_BARE} for side in SIDES}
    return row | {
        "workload": COMMANDS,
        "rounds": rounds,
        "over_bare": over,
        "ratio": ratio,
        "limits_over_bare": OVER_BARE,
        "within": all(over["attempt"][figure] <= limit for figure, limit in OVER_BARE.items()),
    }


def _ratio(ours: float, bare: float) -> float | None:
    """None where the bare subprocesses were too few to have cost anything that can be read."""
    return round(ours / bare, 2) if bare else None


def show_commands(result: Row) -> None:
    runs = f"{result['tasks']} of each in {result['rounds']} rounds"
    print(f"\n{COMMANDS} {result['level']}: `true`, two at a time, {runs}")
    sides = "".join(f"{side:>10}{'over bare':>11}{'ratio':>8}" for side in SIDES)
    print(f"{'':8}{'bare':>10}{sides}{'limit':>8}")
    for figure, limit in OVER_BARE.items():
        line = f"{figure:8}{result['bare'][figure]:10.2f}"
        for side in SIDES:
            over, ratio = result["over_bare"][side][figure], result["ratio"][side][figure]
            line += f"{result[side][figure]:10.2f}{over:11.2f}{ratio or '-':>8}"
        print(f"{line}{limit:8.0f}")
    _warn(result["foreign_cores"])


def _medians(rows: list[Row]) -> Row:
    return {figure: round(median(row[figure] for row in rows), 3) for figure in (*FIGURES, "foreign_cores")}


def show(result: Row) -> None:
    print(f"\n{result['workload']} {result['runtime']}: {result['tasks']} tasks, median of {result['rounds']}")
    print(f"{'':12}{'ours':>12}{'floor':>12}{'ours/floor':>12}")
    for figure, title in FIGURES.items():
        ours, floor = result[figure], result["floor"][figure]
        ratio = f"{ours / floor:12.2f}" if floor else f"{'-':>12}"
        print(f"{title:12}{ours:12,.2f}{floor:12,.2f}{ratio}")
    for other, row in result["peers"].items():
        times = f"ours {result['tasks_per_s'] / row['tasks_per_s']:.2f} times as fast"
        print(f"{other:16}{row['tasks_per_s']:10,.0f} tasks/s{row['ms_per_step']:10,.2f} ms/step   {times}")
    _warn(max(row["foreign_cores"] for row in (result, result["floor"], *result["peers"].values())))


def _warn(foreign: float) -> None:
    if foreign > QUIET:
        print(f"foreign work kept {foreign:.2f} cores busy: rates and times say little, CPU says more")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--workload", choices=[*WORKLOADS, COMMANDS], help="the first three without it")
    parser.add_argument("--runtime", choices=PROGRAMS, help="both without it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="*", choices=PEERS, help="other engines beside ours; all without a name")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each result, after its table")
    parser.add_argument("--level", choices=("L2", "L3"), help="of the commands' sandbox; else the strongest")
    parser.add_argument("--gate", action="store_true", help="exit 1 when commands cost more than they may")
    parser.add_argument("--tasks", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.workload == COMMANDS:
        result = compare_commands(given.rounds, given.tasks, given.level)
        show_commands(result)
        if given.json:
            print(json.dumps(result), flush=True)
        sys.exit(1 if given.gate and not result["within"] else 0)
    peers = list(PEERS) if given.peers == [] else given.peers or ()
    workloads = [given.workload] if given.workload else WORKLOADS
    for runtime, name in product([given.runtime] if given.runtime else PROGRAMS, workloads):
        result = compare(name, runtime, WORKLOADS[name].of(given.tasks), given.rounds, peers)
        show(result)
        if given.json:
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
