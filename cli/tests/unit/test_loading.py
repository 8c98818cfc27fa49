"""What a process loads is what its start costs, and its memory."""

import subprocess
import sys

import pytest

from orchestra.cli.serve import SERVICES

LOADED = """
import importlib, sys
import orchestra.cli.main, orchestra.cli.serve
importlib.import_module("orchestra.{name}.service")
print(*sorted({{name.split(".")[1] for name in sys.modules if name.startswith("orchestra.")}}))
"""


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_loads_no_other_one(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED.format(name=name)], capture_output=True, text=True)
    assert done.stdout.split() == sorted(["chassis", "cli", "contracts", name]), done.stderr
