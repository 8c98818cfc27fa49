"""Exactly as many holds are admitted as fit, by several processes at once. How fast is not asserted."""

import asyncio
import json
import subprocess
import sys

import pytest
from tests.architecture.tree import ROOT

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_as_many_holds_are_admitted_as_fit(database: str, request: pytest.FixtureRequest) -> None:
    command = [sys.executable, "-m", "bench.holds", "--json", "--slots", "3", "--requests", "20", "--rounds", "4"]
    command += ["--processes", "2"]
    if database == "postgres":
        command += ["--database", asyncio.run(request.getfixturevalue("postgres").create())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    row = json.loads(done.stdout)
    assert (row["slots"], row["admitted_min"], row["admitted_max"], row["counters_wrong"]) == (3, 3, 3, 0)
    assert all(row[name] > 0 for name in ("decided_per_s", "holds_per_s", "settlements_per_s"))
