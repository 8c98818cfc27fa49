"""The sandbox as whoever runs the executor: these tests as another user, where they run as root."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from services.executor.tests.integration.sandbox.bench import require

from orchestra.executor.domain.policy import Level

NOBODY = 65534
# The user may read everything, as these tests and their interpreter may lie where only root may look. Commands may not.
AS_NOBODY = [
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
]
PROVE = """
import asyncio, json, sys
from pathlib import Path
from orchestra.executor.adapters.sandbox import bubblewrap, probe
from orchestra.executor.adapters.sandbox.bubblewrap import MissingPart
from orchestra.executor.application.ports import SandboxCommand
from orchestra.executor.domain.policy import Level, Limits, Policy

def missing():
    raise MissingPart("left out")

async def main(level, folder):
    if level == "L2":
        bubblewrap.features = missing
    sandbox = await probe.strongest(Policy(), folder)
    workspace = folder / "workspace"
    workspace.mkdir()
    source = "import os; open('out', 'w').write(str(os.getuid()))"
    command = SandboxCommand(("python3", "-c", source), ("python3",), workspace, folder / "log", 20, Limits())
    outcome = await sandbox.perform(command)
    await sandbox.close()
    failed = [check.name for check in sandbox.checks if not check.passed and check.level.name == level]
    print(json.dumps([sandbox.level.name, failed, outcome.exit_code, (workspace / "out").stat().st_uid]))

asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
"""


@pytest.mark.parametrize("level", [Level.L2, Level.L3], ids=lambda level: level.name)
def test_both_levels_prove_themselves_without_root(tmp_path: Path, level: Level) -> None:
    require(level)
    user = NOBODY if os.getuid() == 0 else os.getuid()
    before = AS_NOBODY if os.getuid() == 0 else []
    folder = tmp_path / "folder"
    folder.mkdir()
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
        for above in (tmp_path, *tmp_path.parents[:-2]):
            above.chmod(0o755)
    done = subprocess.run(
        [*before, sys.executable, "-c", PROVE, level.name, str(folder)], capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [level.name, [], 0, user]
