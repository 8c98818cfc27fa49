"""Commands that try to get out, through the whole system, at each level of the sandbox: none does."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.faults.escapes import ESCAPED, Outside, outside, script
from tests.faults.forms import LONG, LONGEST_S, seeded
from tests.faults.remains import remains_of
from tests.faults.test_attacks import attempts_of, printed
from tests.journeys.jobs import commands, python, start, stopped
from tests.system import Program, System, eventually

from orchestra.cli.api import Api

pytestmark = pytest.mark.skipif(not LONG, reason="the short form is in the executor's own tests: make faults")

WITHOUT_BUBBLEWRAP = """#!/bin/sh
exec unshare --mount /bin/sh -c 'mount --bind /dev/null "$(readlink -f /usr/bin/bwrap)" && exec "$0" "$@"' {python} "$@"
"""

DAEMON = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)
    os._exit(0)
print("begun", flush=True)
time.sleep(3600)
"""


@pytest.fixture
def canaries() -> Iterator[Outside]:
    with outside() as made:
        yield made


@dataclass(frozen=True)
class Confining:
    """The executor of the system, and the level at which it confines commands."""

    level: str
    program: Program


@asynccontextmanager
async def without_bubblewrap(system: System, folder: Path) -> AsyncIterator[Program]:
    """Another executor in the place of the system's, for which bubblewrap is not installed."""
    usual = system.programs["executor"]
    python = folder / "python"
    python.write_text(WITHOUT_BUBBLEWRAP.format(python=sys.executable))
    python.chmod(0o755)
    other = Program(usual.command, usual.environment, usual.url, usual.log.with_suffix(".weak.log"), str(python))
    usual.terminate()
    await asyncio.to_thread(usual.ended)
    other.spawn()
    try:
        await other.ready()
        yield other
    finally:
        other.terminate()
        await asyncio.to_thread(other.ended)
        await usual.start()


@pytest.fixture(params=["L3", "L2"])
async def executor(request: pytest.FixtureRequest, system: System, tmp_path: Path) -> AsyncIterator[Confining]:
    if request.param == "L3":
        yield Confining(request.param, system.programs["executor"])
        return
    async with without_bubblewrap(system, tmp_path) as weaker:
        yield Confining(request.param, weaker)


def ports_of(system: System) -> dict[str, int]:
    """Where servers and services of this system listen."""
    environment = system.programs["executor"].environment
    urls = {name: environment[f"ORCHESTRA_{name.upper()}_URL"] for name in ("database", "rabbitmq", "redis", "gateway")}
    return {name: urlsplit(url).port or 0 for name, url in urls.items()}


def test_without_a_sandbox_each_of_them_escapes(canaries: Outside, system: System, tmp_path: Path) -> None:
    """Else it would prove nothing that they do not in one. What they mount goes with a name space of their own."""
    for name, code in canaries.attempts(ports_of(system)).items():
        (folder := tmp_path / name).mkdir()
        bare = ["unshare", "--mount", sys.executable, "-c", script(code)]
        environment = os.environ | {"ORCHESTRA_API_KEY": "canary"}
        told = subprocess.run(bare, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
        assert ESCAPED in told.stdout, (name, told.stdout, told.stderr)
    assert len(canaries.reached()) >= 7


async def test_no_command_gets_out_at_any_level(
    system: System, api: Api, executor: Confining, canaries: Outside
) -> None:
    tries = canaries.attempts(ports_of(system))
    tasks = [python(name, script(code)) for name, code in tries.items()]
    tasks += [
        python("works", "import os; open('made', 'w').write('x'); print(os.path.getsize('made'))", outputs=["made"]),
        python("link", "import os; os.symlink('/etc/shadow', 'result.txt')", outputs=["result.txt"]),
        python("pipe", "import os; os.mkfifo('result.txt')", outputs=["result.txt"]),
        python("all", "import os; os.symlink('/', 'tree')", outputs=["tree/etc/hostname"]),
        python("huge", "import os; os.truncate(os.open('r.bin', 66), 10 << 40)", outputs=["r.bin"]),
    ]
    seeded().shuffle(tasks)
    run = await stopped(api, (await start(api, commands(*tasks)))["id"])
    found = await attempts_of(api, run)

    for name in tries:
        told = await printed(api, found[name])
        assert told.startswith("refused:") or name == "udp", (name, told)  # who sends a datagram hears nothing
    assert canaries.reached() == []
    assert {each["evidence"]["sandbox_level"] for each in found.values() if each["evidence"]} == {executor.level}
    assert found["works"]["status"] == "succeeded"
    refused = {key: found[key]["failure"] for key in ("link", "pipe", "all", "huge")}
    assert set(refused.values()) <= {"permanent", "transient"}, refused
    assert all(found[key]["status"] == "failed" for key in refused)
    stored = [path.read_bytes() for path in system.artifacts.glob("[0-9a-f][0-9a-f]/*")]
    assert not any(Path("/etc/shadow").read_bytes() in content for content in stored)


async def test_what_left_its_group_does_not_outlive_a_killed_executor(
    system: System, api: Api, executor: Confining
) -> None:
    run = await start(api, commands(python("daemon", DAEMON, repeatable=False)))

    async def begun() -> bool:
        attempts = await api.all("/attempts", run_id=run["id"])
        return bool(attempts) and attempts[0]["status"] == "running"

    await eventually(begun, LONGEST_S)
    executor.program.kill()
    await executor.program.start()

    async def nothing_is_left() -> bool:
        return not remains_of(system)

    await eventually(nothing_is_left, LONGEST_S)
    await api.post(f"/runs/{run['id']}/cancel", {})
