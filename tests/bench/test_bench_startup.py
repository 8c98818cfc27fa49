"""The benchmark of the start measures all that it has limits for. How quick anything is, is not asserted."""

import json
import subprocess
import sys

import pytest
from bench.startup import LIMITS
from tests.architecture.tree import ROOT


@pytest.mark.timeout(300)
def test_the_start_and_the_idle_host_are_measured() -> None:
    command = [sys.executable, "-m", "bench.startup", "--idle", "1", "--rounds", "1", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)

    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout.splitlines()[-1])
    assert all(row[name] >= 0 for name in LIMITS)
    assert row["first_answer_s"] > 0
    assert row["help_s"] > 0
    assert sum(each["rss_mb"] for each in row["processes"]) >= row["memory_mb"] > 0
    assert set(row["passed"]) <= set(LIMITS)
