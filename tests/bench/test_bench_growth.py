"""What size costs is measured on both runtimes. How much it costs is not asserted."""

import subprocess
import sys

import pytest
from tests.architecture.tree import ROOT

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("runtime", ["embedded", "distributed"])
def test_plans_and_runs_of_several_sizes_are_compared(runtime: str, request: pytest.FixtureRequest) -> None:
    if runtime == "distributed":
        for server in ("postgres", "rabbitmq", "redis"):
            request.getfixturevalue(server)
    command = [sys.executable, "-m", "bench.growth", "--runtime", runtime, "--tasks", "30", "60", "--runs", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if line]
    sizes = {line[0]: line for line in lines if line[0].isdigit()}
    assert list(sizes) == ["30", "60", "2"]
    assert all(float(figure.replace(",", "")) > 0 for line in sizes.values() for figure in line)
