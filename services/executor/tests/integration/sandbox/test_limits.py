"""What a command may use: limits hold, and passing one ends it."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from services.executor.tests.integration.sandbox.bench import FORK_BOMB, LIMITS, Bench, groups, require, running

from orchestra.executor.adapters.sandbox.launch import CagedSandbox
from orchestra.executor.domain.policy import DEFAULT_TOOLS, MIB, Level, Policy


@pytest.fixture(scope="module", params=[(level, kept) for level in (Level.L2, Level.L3) for kept in (True, False)])
def sandbox(request: pytest.FixtureRequest) -> Iterator[CagedSandbox]:
    """With control groups where there are some, and without."""
    level, kept = request.param
    require(level)
    found = CagedSandbox(level, Policy(tools=DEFAULT_TOOLS | {"sh"}), groups=groups() if kept else None)
    yield found
    asyncio.run(found.close())


async def test_processes_are_limited(bench: Bench) -> None:
    source = """
import os, time
started = 0
try:
    while started < 100:
        if os.fork() == 0:
            time.sleep(60)
        started += 1
except OSError:
    print(started)
"""
    outcome = await bench.python(source, limits=replace(LIMITS, processes=20))
    assert outcome.exit_code == 0, outcome
    assert 15 <= int(bench.text) <= 20


async def test_a_fork_bomb_is_bounded_and_ended(bench: Bench, marker: str) -> None:
    most = 0
    command = bench.command("python3", "-c", FORK_BOMB, marker, timeout=3, limits=replace(LIMITS, processes=20))
    performing = asyncio.ensure_future(bench.sandbox.perform(command))
    while not performing.done():
        most = max(most, len(running(marker)))
        await asyncio.sleep(0.05)
    assert (await performing).stopped in ("timeout", "processes")
    of_the_cage = 2 if bench.level is Level.L3 else 0
    # Where the user is shared, its other processes are counted at the start, and some may have ended since.
    shared = 5 if bench.level is Level.L2 and os.getuid() != 0 else 0
    assert 10 <= most <= 20 + of_the_cage + shared
    assert running(marker) == []


async def test_the_memory_of_a_process_is_limited(bench: Bench) -> None:
    source = "x = bytearray(300 * 1024 * 1024)"
    assert (await bench.python(source, limits=replace(LIMITS, memory_bytes=200 * MIB))).exit_code == 1
    assert "MemoryError" in bench.text
    assert (await bench.python(source)).exit_code == 0


async def test_the_memory_of_all_processes_together_is_limited(bench: Bench) -> None:
    source = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        x = b"x" * (100 * 1024 * 1024)
        time.sleep(60)
time.sleep(60)
"""
    outcome = await bench.python(source, limits=replace(LIMITS, memory_bytes=250 * MIB))
    assert (outcome.stopped, outcome.exit_code) == ("memory", None)


async def test_a_files_size_is_limited(bench: Bench) -> None:
    outcome = await bench.run("head", "-c", "10M", "/dev/zero", limits=replace(LIMITS, file_bytes=MIB))
    assert outcome.exit_code == 0, "what goes to the log is limited by itself"
    source = "open('big', 'wb').write(bytes(10 * 1024 * 1024))"
    outcome = await bench.run("sh", "-c", "head -c 10M /dev/zero > big", limits=replace(LIMITS, file_bytes=MIB))
    assert outcome.exit_code != 0
    assert (bench.workspace / "big").stat().st_size == MIB
    outcome = await bench.python(source, limits=replace(LIMITS, file_bytes=MIB))
    assert outcome.exit_code == 1
    assert "File too large" in bench.text


async def test_a_sparse_file_is_no_way_round_the_size(bench: Bench) -> None:
    outcome = await bench.python("import os; os.truncate(os.open('huge', os.O_CREAT | os.O_RDWR), 10 << 40)")
    assert outcome.exit_code == 1
    assert (bench.workspace / "huge").stat().st_size == 0


FILL = """
import os, time
for number in range(100):
    with open(f"{os.environ['FOLDER']}/{number}", "wb") as file:
        file.write(bytes(1024 * 1024))
time.sleep(60)
"""


async def test_the_room_of_all_files_together_is_limited(bench: Bench) -> None:
    outcome = await bench.python(
        FILL.replace("os.environ['FOLDER']", "'.'"), limits=replace(LIMITS, workspace_bytes=20 * MIB)
    )
    assert outcome.stopped == "disk"


async def test_the_room_for_temporary_files_is_limited(bench: Bench) -> None:
    limits = replace(LIMITS, workspace_bytes=20 * MIB, tmp_bytes=20 * MIB)
    outcome = await bench.python(FILL.replace("FOLDER", "TMPDIR"), limits=limits)
    if bench.level is Level.L3:  # it is kept in memory, and full
        assert (outcome.stopped, outcome.exit_code) == (None, 1)
        assert "No space left" in bench.text
    else:
        assert outcome.stopped == "disk"


async def test_empty_files_take_room_too(bench: Bench) -> None:
    source = "import time; [open(str(number), 'w').close() for number in range(1000)]; time.sleep(60)"
    outcome = await bench.python(source, limits=replace(LIMITS, workspace_bytes=2 * MIB))
    assert outcome.stopped == "disk"


async def test_folders_without_end_count_as_too_much(bench: Bench) -> None:
    source = """
import os, time
for _ in range(300):
    os.mkdir("in")
    os.chdir("in")
time.sleep(60)
"""
    assert (await bench.python(source)).stopped == "disk"


async def test_output_without_end_is_cut_at_the_limit_and_ends_the_command(bench: Bench) -> None:
    outcome = await bench.python("while True: print('x' * 99)", limits=replace(LIMITS, output_bytes=MIB))
    assert (outcome.stopped, outcome.exit_code, outcome.output_truncated) == ("output", None, True)
    assert bench.log.stat().st_size == outcome.log_bytes == MIB
    assert outcome.tail == bench.text[-2000:]


async def test_a_short_command_that_writes_too_much_is_ended_for_it_too(bench: Bench) -> None:
    outcome = await bench.run("head", "-c", "1001", "/dev/zero", limits=replace(LIMITS, output_bytes=1000))
    assert outcome.stopped == "output"
    outcome = await bench.run("head", "-c", "1000", "/dev/zero", limits=replace(LIMITS, output_bytes=1000))
    assert (outcome.stopped, outcome.exit_code) == (None, 0)


async def test_processor_time_is_limited(bench: Bench) -> None:
    outcome = await bench.python("while True: pass", limits=replace(LIMITS, cpu_s=1))
    assert outcome.signal in (9, 24)
    assert 700 <= outcome.cpu_ms <= 3000


async def test_open_files_are_limited(bench: Bench) -> None:
    source = "files = [open('/dev/null') for _ in range(100)]"
    assert (await bench.python(source, limits=replace(LIMITS, open_files=50))).exit_code == 1
    assert "Too many open files" in bench.text


async def test_no_core_is_left(bench: Bench) -> None:
    outcome = await bench.python("import os; os.abort()")
    assert outcome.signal == 6
    assert list(bench.workspace.iterdir()) == []


async def test_the_policys_time_bounds_the_commands_own(bench: Bench) -> None:
    outcome = await bench.run("sleep", "60", timeout=60, limits=replace(LIMITS, wall_s=0.3))
    assert outcome.timed_out


async def test_limits_cannot_be_raised(bench: Bench) -> None:
    source = """
import resource
for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NPROC, resource.RLIMIT_CPU):
    try:
        resource.setrlimit(kind, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print("raised", kind)
    except (ValueError, OSError):
        pass
"""
    assert await bench.output("python3", "-c", source) == ""
