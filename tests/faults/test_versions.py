"""An older version of each service beside this one, on one broker and one schema, in the middle of runs."""

import asyncio
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from tests.architecture.tree import ROOT
from tests.faults.checker import Outline
from tests.faults.conftest import Servers
from tests.faults.forms import seeded
from tests.faults.test_kills import at_work
from tests.faults.workload import COMMANDS, SLOTS, Run, begin
from tests.private_servers import free_port
from tests.system import SERVICES, System, distributed

OLD = "3b0c3df3dc"
"""The older version: a commit of main. Move it on when what it cannot live with is taken away on purpose."""


@pytest.fixture(scope="module")
def old_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter that has the older version, and of this one's environment the libraries alone."""
    home = tmp_path_factory.mktemp("old")
    archive = subprocess.run(["git", "archive", OLD], cwd=ROOT, capture_output=True)
    if archive.returncode:
        pytest.skip(f"{OLD} is not in this clone; `git fetch --unshallow` gets it: {archive.stderr.decode()}")
    (home / "tree").mkdir()
    subprocess.run(["tar", "-x", "-C", str(home / "tree")], input=archive.stdout, check=True)
    venv.create(home / "venv", symlinks=True)
    [packages] = (home / "venv").glob("lib/python*/site-packages")
    # A folder that is named in a .pth file has its own .pth files ignored, and with them this version's sources.
    sources = [member.parent for member in (home / "tree").glob("**/src/orchestra")]
    (packages / "old.pth").write_text("\n".join(map(str, [*sources, sysconfig.get_path("purelib")])))
    python = str(home / "venv" / "bin" / "python")
    names = [f"orchestra.{name}" for name in (*SERVICES, "chassis", "contracts", "cli")]
    look = "import sys, importlib as it; print(*(it.import_module(name).__file__ for name in sys.argv[1:]), sep='\\n')"
    found = subprocess.check_output([python, "-c", look, *names], text=True).splitlines()
    assert all(Path(each).is_relative_to(home) for each in found), found
    return python


@pytest.fixture
def old(tmp_path: Path, servers: Servers, old_python: str) -> Iterator[System]:
    made = distributed(
        tmp_path, servers.postgres, servers.rabbitmq, servers.redis, python=old_python, ORCHESTRA_SLOTS=str(SLOTS)
    )
    with made as system:
        yield system


@pytest.fixture
def new(old: System) -> Iterator[System]:
    """This version of the same services, none of them started yet: the same databases, broker and folders."""
    urls = {name: f"http://127.0.0.1:{free_port()}" for name in SERVICES}
    mine = {f"ORCHESTRA_{name.upper()}_URL": url for name, url in urls.items()}
    programs = {
        name: replace(
            program,
            environment={**program.environment, **mine, "ORCHESTRA_HTTP_PORT": urls[name].rpartition(":")[2]},
            url=urls[name],
            python=sys.executable,
            log=program.log.with_suffix(".new.log"),
            _process=None,
        )
        for name, program in old.programs.items()
    }
    system = replace(old, url=urls["gateway"], programs=programs)
    yield system
    system.stop()


async def leave(system: System, *names: str, politely: bool = True) -> None:
    """`politely`: they have to end when they are asked to; else who does not is killed."""
    for name in names:
        system.programs[name].terminate()
    for name in names:
        with nullcontext() if politely else suppress(AssertionError):
            await asyncio.to_thread(system.programs[name].ended)


async def test_runs_go_on_while_one_version_takes_the_place_of_the_other(
    old: System, new: System, clean: Outline
) -> None:
    chance = seeded()
    async with old.api() as api:
        await new.programs["executor"].start()
        first = await begin(old, api)
        await first.reached(COMMANDS)  # by the old scheduler and both executors
        await leave(new, "executor")

        await new.programs["scheduler"].start()
        second = await begin(old, api)
        await at_work(second, chance.randrange(2, COMMANDS // 2))
        await leave(old, "scheduler")
        await second.reached(COMMANDS)  # by the new scheduler and the old executor, on a schema that is not its own

    rest = ("executor", "planner", "notifier", "gateway")
    await asyncio.gather(*(new.programs[name].start() for name in rest))
    await leave(old, *rest, politely=False)  # how the version of then stops is nothing that can still be mended
    async with new.api() as api:
        for run in (first, second):
            shown = await api.get(f"/runs/{run.id}")
            assert await Run(new, api, shown).ends_like(clean) == 0
