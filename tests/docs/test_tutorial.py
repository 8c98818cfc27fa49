"""The tutorial is run as it stands: each `sh` block in turn; its output has the lines of the `text` block after it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.architecture.tree import ROOT

BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```", re.DOTALL | re.MULTILINE)
LIMIT_S = 300


def has_lines(output: str, expected: str) -> bool:
    """Whether the lines come in this order; `…` stands for anything within a line, alone for any lines."""
    parts = [".*".join(map(re.escape, line.split("…"))) for line in expected.splitlines() if line != "…"]
    return re.search("(?s:.*?)".join(rf"^{part}[ ]*$" for part in parts), output, re.MULTILINE) is not None


@pytest.mark.timeout(2 * LIMIT_S)
def test_the_first_run_goes_as_the_tutorial_says(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRA_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    output = ""
    for kind, block in BLOCK.findall((ROOT / "docs/tutorial/first-run.md").read_text()):
        if kind == "text":
            assert has_lines(output, block), f"expected:\n{block}\ngot:\n{output}"
            continue
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
        )
        output = done.stdout
        assert done.returncode == 0, f"{block}\n{output}"


@pytest.mark.parametrize(
    ("expected", "found"),
    [("b\n", True), ("a\n…\nc\n", True), ("a…\n", True), ("c\n…\na\n", False), ("d\n", False), ("a\nx\n", False)],
)
def test_expected_lines_are_looked_for_in_order(expected: str, found: bool) -> None:
    assert has_lines("a 1\na\nb\nc\n", expected) is found
