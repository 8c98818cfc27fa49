"""Control groups: the kernel keeps the limits of a whole command, and ends the whole of it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from services.executor.tests.integration.sandbox import bench as benches
from services.executor.tests.integration.sandbox.bench import LIMITS, Bench, require, running, until
from services.executor.tests.integration.sandbox.test_ending import WAITING, executor, keeper_of

from orchestra.executor.adapters.sandbox import delegation, kernel, probe
from orchestra.executor.adapters.sandbox.delegation import Groups, NoGroups
from orchestra.executor.adapters.sandbox.group import Group, Place, members
from orchestra.executor.adapters.sandbox.launch import CagedSandbox
from orchestra.executor.application.ports import SandboxLost, SandboxUnavailable
from orchestra.executor.domain.policy import DEFAULT_TOOLS, MIB, Level, Policy

HOLD = """
import os, sys, time
for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        x = b"x" * (150 * 1024 * 1024)
        time.sleep(float(sys.argv[2]))
        os._exit(0)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""
KEEP = """
import os
with open(os.environ["TMPDIR"] + "/kept", "wb") as kept:
    for _ in range(200):
        kept.write(bytes(1024 * 1024))
"""
FOUR = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        break
time.sleep(60)
"""
RESTLESS = """
import os, sys, time
sys.stdin.readline()
for _ in range(10):
    if os.fork() == 0:
        break
end = time.monotonic() + 10
while time.monotonic() < end:
    try:
        if os.fork():
            os._exit(0)
    except OSError:
        pass
"""
"""Ten processes, each of them another one at every moment. They end by themselves, should a test fail to end them."""
LITTLE = replace(LIMITS, memory_bytes=256 * MIB)
UNIFIED = Path("/sys/fs/cgroup/unified")


@pytest.fixture
def groups() -> Iterator[Groups]:
    found = benches.groups()
    if found is None:
        pytest.skip("NOT TESTED: CONTROL GROUPS: this machine gives none that can be written to.")
    yield found
    found.close()


@pytest.fixture(params=[Level.L2, Level.L3], ids=lambda level: level.name)
def sandbox(request: pytest.FixtureRequest, groups: Groups) -> Iterator[CagedSandbox]:
    require(request.param)
    found = CagedSandbox(request.param, Policy(tools=DEFAULT_TOOLS | {"sh"}), groups=groups)
    yield found
    asyncio.run(found.close())


@pytest.fixture
def place(groups: Groups) -> Place:
    return groups.place


def below(place: Place) -> list[str]:
    """The groups of commands that are there."""
    return [entry.path for folder in place.folders for entry in os.scandir(folder) if entry.name.isdigit()]


async def test_four_processes_that_fit_one_by_one_do_not_fit_together(bench: Bench) -> None:
    fits = await bench.python(HOLD, "1", "0.1", limits=LITTLE)
    assert (fits.exit_code, fits.stopped) == (0, None)
    assert 150 << 10 <= fits.peak_kb < 220 << 10
    outcome = await bench.python(HOLD, "4", "60", limits=LITTLE)
    assert (outcome.stopped, outcome.exit_code) == ("memory", None)
    assert 250 << 10 <= outcome.peak_kb <= 256 << 10


async def test_a_command_that_ends_well_before_a_look_has_run_out_of_memory_all_the_same(bench: Bench) -> None:
    """Its parent takes no notice of a child that was killed."""
    outcome = await bench.python(HOLD, "3", "0.05", limits=LITTLE)
    assert (outcome.stopped, outcome.exit_code) == ("memory", None)


async def test_a_command_that_asks_too_much_by_itself_is_told_so_and_is_no_matter_of_groups(bench: Bench) -> None:
    outcome = await bench.python("x = bytearray(300 * 1024 * 1024)", limits=LITTLE)
    assert (outcome.stopped, outcome.exit_code) == (None, 1)
    assert "MemoryError" in bench.text


async def test_what_a_command_runs_is_in_its_group_from_its_beginning(bench: Bench, place: Place, marker: str) -> None:
    performing = asyncio.ensure_future(bench.python(FOUR, marker))
    await until(lambda: len(of_the_command(marker)) == 4)
    inside = [set(map(int, Path(folder, "cgroup.procs").read_text().split())) for folder in below(place)]
    assert all(of_the_command(marker) <= found for found in inside)
    performing.cancel()
    await asyncio.wait({performing})
    assert below(place) == []


def of_the_command(marker: str) -> set[int]:
    """Its processes without those of the cage, one of which is outside."""
    return {pid for pid in running(marker) if not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"bwrap\0")}


async def test_the_group_counts_processes_whatever_their_user_may_have(bench: Bench, place: Place) -> None:
    performing = asyncio.ensure_future(bench.run("sleep", "60", limits=replace(LIMITS, processes=20)))
    await until(lambda: below(place) != [])
    [counted] = {entry for entry in below(place) if entry.startswith(place.pids)}
    await until(lambda: Path(counted, "cgroup.procs").read_text() != "")
    assert int(Path(counted, "pids.max").read_text()) == 20 + (1 if bench.level is Level.L3 else 0)
    performing.cancel()
    await asyncio.wait({performing})


async def test_however_a_command_ends_its_group_goes(bench: Bench, place: Place, marker: str) -> None:
    assert (await bench.run("true")).exit_code == 0
    assert (await bench.run("false")).exit_code == 1
    assert (await bench.run("sleep", "60", timeout=0.1)).timed_out
    assert (await bench.python(HOLD, "4", "60", limits=LITTLE)).stopped == "memory"
    assert below(place) == []
    performing = asyncio.ensure_future(bench.python(WAITING, marker))
    await until((bench.workspace / "ready").exists)
    os.kill(keeper_of(bench), signal.SIGKILL)
    with pytest.raises(SandboxLost):
        await performing
    assert below(place) == []
    await bench.sandbox.close()
    assert not any(map(os.path.exists, place.folders))


async def test_what_cannot_enter_its_group_is_not_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(self: Groups) -> Place:
        return Place("v1", "/nowhere/1", "/nowhere/1")

    monkeypatch.setattr(Groups, "another", nowhere)
    with pytest.raises(SandboxUnavailable, match="/nowhere/1"):
        await bench.python("open('ran', 'w')")
    assert not (bench.workspace / "ran").exists()


async def test_a_killed_executors_groups_go_with_its_warden(bench: Bench, marker: str) -> None:
    with executor(bench, marker) as process:
        await until((bench.workspace / "ready").exists)
        found = place_of(process.pid)
        process.kill()
    await until(lambda: running(marker) == [] and not any(map(os.path.exists, found)), 5)


async def test_groups_of_the_dead_are_ended_and_removed_and_those_of_the_living_are_left(
    bench: Bench, place: Place, marker: str
) -> None:
    with executor(bench, marker) as process:
        await until((bench.workspace / "ready").exists)
        await until(lambda: len(running(marker)) >= 5)
        found = place_of(process.pid)
        [warden] = kernel.children(process.pid)
        killed = [process.pid, warden, *kernel.children(warden)]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in killed:
                os.kill(pid, number)
    assert all(map(os.path.exists, found))
    alive = asyncio.ensure_future(bench.run("sleep", f"{marker}9"))
    await until(lambda: running(f"{marker}9") != [])
    delegation.clear()
    assert not any(map(os.path.exists, found))
    await until(lambda: set(running(marker)) == set(running(f"{marker}9")), 5)  # what is outside goes with its keeper
    assert running(f"{marker}9") != []
    assert all(map(os.path.exists, place.folders))
    alive.cancel()
    await asyncio.wait({alive})


def place_of(executor_pid: int) -> list[str]:
    """The folders that its warden was told of."""
    [warden] = kernel.children(executor_pid)
    return Path(f"/proc/{warden}/cmdline").read_text().split("\0")[6:-1]


def test_processes_that_never_stand_still_are_ended_with_their_group(place: Place, marker: str) -> None:
    restless = Group(place.below("1"))
    restless.make(256 * MIB, 40)
    start(restless, marker)
    restless.remove()
    assert running(marker) == []
    assert below(place) == []


@pytest.mark.skipif(not os.access(UNIFIED, os.W_OK), reason="NOT TESTED: no tree of version 2 can be written to")
def test_version_2_ends_them_in_one_step(marker: str) -> None:
    """Where it has no controllers, as beside version 1, to end a group is what it can do."""
    made = UNIFIED / f"orchestra-test-{os.getpid()}"
    made.mkdir()
    restless = Group(Place("v2", str(made), str(made)))
    start(restless, marker)
    assert Path(made, "cgroup.kill").exists()
    restless.remove()
    assert running(marker) == []
    assert not made.exists()


def start(of: Group, marker: str) -> None:
    """Once some of them are there; they are nobody's children."""
    with subprocess.Popen([sys.executable, "-c", RESTLESS, marker], stdin=subprocess.PIPE) as process:
        of.add(process.pid)
        assert process.stdin is not None
        process.stdin.write(b"\n")
    asyncio.run(until(lambda: len(members(of.folders[0])) >= 3))


async def test_without_groups_the_level_is_the_same_and_the_report_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> Groups:
        raise NoGroups("Read-only file system: /sys/fs/cgroup")

    usual = await probe.strongest(Policy(), tmp_path)
    await usual.close()
    monkeypatch.setattr(probe, "claim", none)
    without = await probe.strongest(Policy(), tmp_path)
    await without.close()
    assert without.level is usual.level
    assert str(without.grouping) == "none: Read-only file system: /sys/fs/cgroup"


async def test_groups_that_do_not_hold_are_not_used(
    groups: Groups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a kernel takes a limit and does not keep it; here what must not fit together does."""
    del groups
    monkeypatch.setattr(probe, "_THIRD", 8 * MIB)
    found = await probe.strongest(Policy(), tmp_path)
    await found.close()
    assert found.level > Level.NONE
    assert str(found.grouping).startswith("none: with groups of v")
    assert "memory-together" in str(found.grouping)


async def test_what_is_kept_in_memory_for_a_command_counts_as_its_memory(bench: Bench) -> None:
    limits = replace(
        LIMITS, memory_bytes=128 * MIB, file_bytes=512 * MIB, tmp_bytes=512 * MIB, workspace_bytes=512 * MIB
    )
    outcome = await bench.python(KEEP, limits=limits)
    expected = ("memory", None) if bench.level is Level.L3 else (None, 0)  # on disk at L2: pages of files are dropped
    assert (outcome.stopped, outcome.exit_code) == expected
