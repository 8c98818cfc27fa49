"""What a command's end says, the same at both levels."""

import asyncio
import os
from pathlib import Path

import pytest
from services.executor.tests.integration.sandbox.bench import LIMITS, Bench, not_tested, until

from orchestra.executor.adapters.sandbox import tools
from orchestra.executor.application.ports import CommandRefused, SandboxCommand, SandboxUnavailable
from orchestra.executor.domain.policy import DEFAULT_TOOLS, Level, Limits

AT_ONCE = 8


@pytest.mark.parametrize("status", [0, 1, 2, 127, 255])
async def test_the_exit_status_is_the_commands_own(bench: Bench, status: int) -> None:
    outcome = await bench.run("sh", "-c", f"exit {status}")
    assert (outcome.exit_code, outcome.stopped) == (status, None)


@pytest.mark.parametrize("number", [1, 6, 9, 11, 15])
async def test_a_signal_is_told_as_a_shell_does(bench: Bench, number: int) -> None:
    outcome = await bench.python(f"import os; os.kill(os.getpid(), {number})")
    assert (outcome.exit_code, outcome.signal) == (128 + number, number)


async def test_both_outputs_go_to_the_log_in_order(bench: Bench) -> None:
    await bench.run("sh", "-c", "echo one; echo two >&2; echo three")
    assert bench.text == "one\ntwo\nthree\n"


async def test_output_reaches_the_log_as_it_comes(bench: Bench) -> None:
    started: list[int] = []
    command = bench.command("sh", "-c", "echo begun; while ! test -e go; do sleep 0.02; done; echo done")
    performing = asyncio.ensure_future(bench.sandbox.perform(command, started.append))
    await until(lambda: bench.log.exists() and bench.text == "begun\n")
    assert len(started) == 1
    assert Path(f"/proc/{started[0]}").exists()
    (bench.workspace / "go").touch()
    assert (await performing).exit_code == 0
    assert bench.text == "begun\ndone\n"


async def test_the_tail_is_the_end_of_the_log(bench: Bench) -> None:
    outcome = await bench.python("print('ä' * 5000); print('end')")
    assert outcome.tail == bench.text[-2000:]
    assert outcome.log_bytes == 2 * 5000 + 5
    outcome = await bench.python("import sys; sys.stdout.buffer.write(bytes([255]) * 10)")
    assert outcome.tail == "\N{REPLACEMENT CHARACTER}" * 10


async def test_time_and_memory_are_measured(bench: Bench) -> None:
    source = "import time; x = b'x' * (100 << 20)\nwhile time.process_time() < 0.3: pass"
    outcome = await bench.python(source)
    assert 300 <= outcome.cpu_ms < 3000
    assert outcome.duration_ms >= outcome.cpu_ms / 2
    assert 100 << 10 <= outcome.peak_kb < 200 << 10


async def test_arguments_arrive_as_they_are(bench: Bench) -> None:
    given = ["", " ", "a b", "$HOME", "*", "ä😀", '"', "\\", "--", "\n", "--setenv"]
    source = "import sys; print(sys.argv[1:])"
    assert await bench.output("python3", "-c", source, *given) == f"{given}\n"


async def test_the_command_stands_in_its_workspace(bench: Bench) -> None:
    (bench.workspace / "in.txt").write_text("b\na\n")
    await bench.run("sort", "-o", "out.txt", "in.txt")
    assert (bench.workspace / "out.txt").read_text() == "a\nb\n"
    where = (await bench.output("sh", "-c", "pwd")).strip()
    assert await bench.output("python3", "-c", "import os, sys; print(os.path.samefile('.', sys.argv[1]))", where)
    assert bench.text == "True\n"


async def test_a_script_imports_what_lies_beside_it(bench: Bench) -> None:
    (bench.workspace / "beside.py").write_text("VALUE = 42")
    (bench.workspace / "main.py").write_text("import beside; print(beside.VALUE)")
    assert await bench.output("python3", "main.py") == "42\n"


TOOLS = {
    "awk": ("{print $2}", "in.txt"),
    "cmp": ("in.txt", "in.txt"),
    "cp": ("-p", "in.txt", "copy.txt"),
    "date": ("+%Z",),
    "diff": ("in.txt", "in.txt"),
    "find": (".", "-name", "in.txt"),
    "git": ("init", "-q", "repository"),
    "grep": ("b", "in.txt"),
    "gzip": ("-k", "in.txt"),
    "make": ("-f", "Makefile"),
    "node": ("-e", "require('fs').writeFileSync('n', String(require('crypto').randomBytes(4).length))"),
    "python3": ("-c", "import ssl, sqlite3, subprocess, asyncio; subprocess.run(['sort', 'in.txt'], check=True)"),
    "sed": ("s/a/b/", "in.txt"),
    "sha256sum": ("in.txt",),
    "sort": ("-u", "in.txt"),
    "split": ("-l", "1", "in.txt"),
    "tar": ("-czf", "out.tgz", "in.txt"),
    "tee": ("out.txt",),
    "touch": ("new",),
}


@pytest.mark.parametrize("tool", TOOLS)
async def test_ordinary_tools_do_their_work(bench: Bench, tool: str) -> None:
    assert tool in DEFAULT_TOOLS
    try:
        tools.find(tool)
    except tools.UnknownTool as unknown:
        not_tested(str(unknown))
    (bench.workspace / "in.txt").write_text("a b\n")
    (bench.workspace / "Makefile").write_text("out: in.txt\n\tsort in.txt | tr a-z A-Z > out\n")
    outcome = await bench.run(tool, *TOOLS[tool], limits=Limits())
    if tool == "git" and bench.level is Level.L2 and os.getuid() != 0:
        assert "chmod" in outcome.tail, "modes are changed by path, which only an own user or namespace makes harmless"
    else:
        assert outcome.exit_code == 0, outcome


async def test_many_commands_run_at_once(bench: Bench) -> None:
    benches: list[Bench] = []
    for number in range(AT_ONCE):
        folder = bench.folder / str(number)
        folder.mkdir()
        benches.append(Bench(bench.sandbox, folder))
    # Each waits until it sees the next one's message outside, which only running together makes possible.
    waiting = "echo begun; while ! test -e go; do sleep 0.02; done"
    performing = [asyncio.ensure_future(each.run("sh", "-c", waiting)) for each in benches]
    await until(lambda: all(each.log.exists() and each.text for each in benches))
    for each in benches:
        (each.workspace / "go").touch()
    assert [outcome.exit_code for outcome in await asyncio.gather(*performing)] == [0] * AT_ONCE


async def test_a_refused_command_does_not_run(bench: Bench) -> None:
    refused = SandboxCommand(("curl", "x"), ("curl", "sort"), bench.workspace, bench.log, 5, LIMITS)
    with pytest.raises(CommandRefused, match="'curl' is not among the tools") as told:
        await bench.sandbox.perform(refused)
    assert [refusal.code for refusal in told.value.refusals] == ["tool-not-allowed"]
    assert not bench.log.exists()


async def test_a_tool_that_is_not_installed_is_refused_by_name(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = bench.sandbox.policy
    monkeypatch.setattr(bench.sandbox, "policy", type(policy)(tools=frozenset({"sort", "no-such-tool"})))
    wanted = SandboxCommand(("sort",), ("sort", "no-such-tool"), bench.workspace, bench.log, 5, LIMITS)
    with pytest.raises(CommandRefused, match="no-such-tool is not installed") as told:
        await bench.sandbox.perform(wanted)
    assert [refusal.code for refusal in told.value.refusals] == ["tool-not-found"]


async def test_a_workspace_that_is_not_there_is_told(bench: Bench) -> None:
    bench.workspace.rmdir()
    with pytest.raises(SandboxUnavailable, match="workspace"):
        await bench.run("true")
    assert [path.name for path in bench.folder.iterdir()] == ["log"]


async def test_the_log_is_never_written_through_a_link(bench: Bench, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("kept")
    bench.log.symlink_to(kept)
    with pytest.raises(OSError, match="symbolic"):
        await bench.run("echo", "x")
    assert kept.read_text() == "kept"
