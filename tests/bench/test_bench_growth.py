"""What size costs is measured on both runtimes. How much it costs is not asserted."""

import subprocess
import sys

import pytest
from tests.architecture.tree import ROOT
from tests.faults.forms import LONG

pytestmark = pytest.mark.timeout(300)

LONG_ONLY = pytest.mark.skipif(not LONG, reason="takes more than a minute: ORCHESTRA_FAULTS=long")


@pytest.mark.parametrize("runtime", ["embedded", pytest.param("distributed", marks=LONG_ONLY)])
def test_plans_and_runs_of_several_sizes_are_compared(runtime: str, request: pytest.FixtureRequest) -> None:
    if runtime == "distributed":
        for server in ("postgres", "rabbitmq", "redis"):
            request.getfixturevalue(server)
    tasks = ["30", "60"]
    command = [sys.executable, "-m", "bench.growth", "--runtime", runtime, "--tasks", *tasks, "--runs", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if line]
    sizes = {line[0]: line for line in lines if line[0].isdigit()}
    assert list(sizes) == [*tasks, "2"]
    assert all(float(figure.replace(",", "")) > 0 for line in sizes.values() for figure in line)
