"""However a command ends, nothing of it is left."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from services.executor.tests.integration.sandbox.bench import FORK_BOMB, LIMITS, Bench, groups, running, until

from orchestra.executor.adapters.sandbox import kernel, launch
from orchestra.executor.adapters.sandbox.launch import CagedSandbox
from orchestra.executor.adapters.sandbox.warden import WAITING as KEPT
from orchestra.executor.application.ports import SandboxLost

ESCAPING = """
import os, signal, sys, time
for ignored in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(ignored, signal.SIG_IGN)
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            os.closerange(0, 3)
            while True:
                time.sleep(60)
        os._exit(0)
"""
"""Three processes that leave their group, their parent and their output, and ignore what asks them to end."""
WAITING = ESCAPING + "open('ready', 'w').close()\nprint('begun', flush=True)\nwhile True: time.sleep(60)"


@pytest.fixture(autouse=True)
def grace(monkeypatch: pytest.MonkeyPatch) -> float:
    """Shorter than usual, as nothing here uses it."""
    monkeypatch.setattr(launch, "GRACE_S", 0.5)
    return 0.5


async def test_what_a_command_leaves_behind_is_ended_with_it(bench: Bench, marker: str) -> None:
    began = time.monotonic()
    outcome = await bench.python(ESCAPING + "time.sleep(0.2)", marker)
    assert outcome.exit_code == 0
    assert running(marker) == []
    assert time.monotonic() - began < 2, "nobody waits for them"


async def test_a_process_that_holds_the_output_open_is_ended_with_the_command(bench: Bench, marker: str) -> None:
    outcome = await bench.run("sh", "-c", f"sleep {marker} & echo done")
    assert (outcome.exit_code, bench.text) == (0, "done\n")
    assert running(marker) == []


async def test_after_its_time_a_command_is_ended(bench: Bench, marker: str, grace: float) -> None:
    began = time.monotonic()
    outcome = await bench.python(WAITING, marker, timeout=0.5)
    assert (outcome.timed_out, outcome.exit_code, outcome.signal) == (True, None, None)
    assert bench.text == "begun\n"
    assert running(marker) == []
    assert 0.5 + grace <= time.monotonic() - began, "it was given the time to end by itself"


async def test_a_command_may_tidy_up_when_its_time_is_over(bench: Bench) -> None:
    source = """
import signal, sys, time
def end(*_):
    print("tidied", flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
while True: time.sleep(60)
"""
    outcome = await bench.python(source, timeout=0.5)
    assert outcome.timed_out
    assert bench.text == "tidied\n"


async def test_cancelling_ends_all_of_it_before_the_cancellation_is_heard(bench: Bench, marker: str) -> None:
    performing = asyncio.ensure_future(bench.python(WAITING, marker))
    await until((bench.workspace / "ready").exists)
    await until(lambda: len(running(marker)) >= 4)
    performing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await performing
    assert running(marker) == []
    assert bench.text == "begun\n", "the log so far is kept"


async def test_cancelling_again_does_not_leave_anything_either(bench: Bench, marker: str) -> None:
    performing = asyncio.ensure_future(bench.python(WAITING, marker))
    await until((bench.workspace / "ready").exists)
    for _ in range(5):
        performing.cancel()
        await asyncio.sleep(0.05)
    assert not performing.done(), "it ignores SIGTERM, and has its time to heed it"
    with pytest.raises(asyncio.CancelledError):
        await performing
    assert running(marker) == []


@pytest.mark.parametrize("delay", [0, 0.001, 0.003, 0.006, 0.01, 0.02])
async def test_cancelling_at_any_moment_of_the_start_leaves_nothing(bench: Bench, marker: str, delay: float) -> None:
    performing = asyncio.ensure_future(bench.run("sleep", marker))
    await asyncio.sleep(delay)
    performing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await performing
    assert running(marker) == []


async def test_a_caller_that_fails_on_hearing_of_the_start_ends_the_command(bench: Bench, marker: str) -> None:
    def failing(pid: int) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await bench.sandbox.perform(bench.command("sleep", marker), failing)
    assert running(marker) == []


EXECUTOR = """
import asyncio, sys
from pathlib import Path
from orchestra.executor.adapters.sandbox.delegation import NoGroups, claim
from orchestra.executor.adapters.sandbox.launch import CagedSandbox
from orchestra.executor.application.ports import SandboxCommand
from orchestra.executor.domain.policy import Level, Limits, Policy

async def main(level, folder, *argv):
    try:
        groups = claim()
    except NoGroups:
        groups = None
    sandbox = CagedSandbox(Level[level], Policy(), groups=groups)
    command = SandboxCommand(argv, ("python3",), Path(folder, "workspace"), Path(folder, "log"), 60, Limits())
    await sandbox.perform(command)

asyncio.run(main(*sys.argv[1:]))
"""


def executor(bench: Bench, marker: str) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", EXECUTOR, bench.level.name, str(bench.folder), "python3", "-c", WAITING, marker]
    return subprocess.Popen(argv)


def of_the_command(process: subprocess.Popen[bytes]) -> list[int]:
    """Warden, keeper, command and all it started."""
    return list(kernel.descendants(process.pid))


async def test_killing_the_executor_leaves_nothing(bench: Bench, marker: str) -> None:
    with executor(bench, marker) as process:
        await until((bench.workspace / "ready").exists)
        await until(lambda: len(running(marker)) >= 5)  # the executor is one of them
        started = of_the_command(process)
        process.kill()
    await until(lambda: running(marker) == [], 5)
    await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started), 5)


@pytest.mark.parametrize("delay", [0.05, 0.1, 0.15, 0.2])
async def test_killing_the_executor_at_any_moment_leaves_nothing(bench: Bench, marker: str, delay: float) -> None:
    with executor(bench, marker) as process:
        await until(lambda: bool(of_the_command(process)))
        await asyncio.sleep(delay - 0.05)
        process.kill()
    await until(lambda: running(marker) == [], 5)


async def test_interrupting_a_terminals_group_is_left_to_the_executor(bench: Bench, marker: str) -> None:
    performing = asyncio.ensure_future(bench.run("sleep", marker))
    await until(lambda: running(marker) != [])
    warden = bench.sandbox._warden
    assert warden is not None
    assert os.getpgid(warden[0].pid) != os.getpgid(0)
    performing.cancel()
    await asyncio.wait({performing})


def keeper_of(bench: Bench) -> int:
    warden = bench.sandbox._warden
    assert warden is not None
    (keeper,) = [pid for pid in kernel.children(warden[0].pid) if kernel.children(pid)]  # others wait for a command
    return keeper


async def test_killing_the_keeper_leaves_nothing_and_is_not_taken_for_an_outcome(bench: Bench, marker: str) -> None:
    performing = asyncio.ensure_future(bench.python(WAITING, marker))
    await until((bench.workspace / "ready").exists)
    os.kill(keeper_of(bench), signal.SIGKILL)
    with pytest.raises(SandboxLost):
        await performing
    assert running(marker) == []


async def test_killing_the_keeper_of_a_fork_bomb_leaves_nothing(bench: Bench, marker: str) -> None:
    command = bench.command("python3", "-c", FORK_BOMB, marker, limits=replace(LIMITS, processes=20))
    performing = asyncio.ensure_future(bench.sandbox.perform(command))
    await until(lambda: len(running(marker)) >= 20)
    os.kill(keeper_of(bench), signal.SIGKILL)
    with pytest.raises(SandboxLost):
        await asyncio.wait_for(performing, 5)
    assert running(marker) == []


async def test_killing_the_warden_leaves_nothing_and_the_next_command_runs(bench: Bench, marker: str) -> None:
    performing = asyncio.ensure_future(bench.python(WAITING, marker))
    await until((bench.workspace / "ready").exists)
    warden = bench.sandbox._warden
    assert warden is not None
    warden[0].kill()
    with pytest.raises(SandboxLost):
        await performing
    await until(lambda: running(marker) == [])
    assert (await bench.run("true")).exit_code == 0


async def test_closing_the_sandbox_ends_what_runs(bench: Bench, marker: str) -> None:
    own = CagedSandbox(bench.level, bench.sandbox.policy, groups=groups())
    performing = asyncio.ensure_future(own.perform(bench.command("python3", "-c", WAITING, marker)))
    await until((bench.workspace / "ready").exists)
    await own.close()
    assert running(marker) == []
    with pytest.raises(SandboxLost):
        await performing


async def test_one_command_ending_does_not_touch_another(bench: Bench, marker: str) -> None:
    beside = bench.folder / "beside"
    beside.mkdir()
    other = Bench(bench.sandbox, beside)
    performing = asyncio.ensure_future(other.run("sleep", marker))
    await until(lambda: running(marker) != [])
    for _ in range(3):
        assert (await bench.python(ESCAPING)).exit_code == 0
    assert not performing.done()
    assert running(marker) != []
    performing.cancel()
    await asyncio.wait({performing})


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def test_warden_and_keepers_hold_nothing_after_many_commands(bench: Bench) -> None:
    await bench.run("true")
    warden = bench.sandbox._warden
    assert warden is not None
    kept = kernel.children(warden[0].pid)
    before = {pid: descriptors(pid) for pid in (warden[0].pid, *kept)}
    for _ in range(10):
        await bench.run("true")
    assert kernel.children(warden[0].pid) == kept, "one keeper has done it all"
    await until(lambda: all(descriptors(pid) <= most for pid, most in before.items()))


async def test_keepers_beyond_those_that_are_kept_end_with_their_commands(bench: Bench) -> None:
    async def one(number: int) -> None:
        folder = bench.folder / f"n{number}"
        folder.mkdir()
        assert (await Bench(bench.sandbox, folder).run("sleep", "0.3")).exit_code == 0

    await asyncio.gather(*(one(number) for number in range(KEPT + 3)))
    warden = bench.sandbox._warden
    assert warden is not None
    await until(lambda: len(kernel.children(warden[0].pid)) == KEPT)


async def test_a_keeper_that_waits_and_is_killed_is_missed_by_nobody(bench: Bench) -> None:
    for _ in range(3):
        await bench.run("true")
        warden = bench.sandbox._warden
        assert warden is not None
        waiting = kernel.children(warden[0].pid)
        for pid in waiting:
            os.kill(pid, signal.SIGKILL)
        await until(lambda killed=waiting: not any(Path(f"/proc/{pid}").exists() for pid in killed))
        assert (await bench.run("true")).exit_code == 0


async def test_what_one_command_used_is_not_counted_to_the_next(bench: Bench) -> None:
    await bench.python("x = bytearray(200 << 20)\nfor _ in range(3_000_000): pass")
    warden = bench.sandbox._warden
    assert warden is not None
    kept = kernel.children(warden[0].pid)
    after = await bench.run("true")
    assert kernel.children(warden[0].pid) == kept
    assert after.peak_kb < 100 << 10
    assert after.cpu_ms < 100


def test_the_warden_is_small() -> None:
    """All that it has loaded is looked through by every keeper that it forks."""
    source = "import sys, orchestra.executor.adapters.sandbox.warden; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True).stdout.split()
    assert {"pydantic", "asyncio", "httpx", "orchestra.executor.application"}.isdisjoint(loaded)
