"""Several processes take up attempts at once: no agent ever has more than its concurrency, and all of them get work."""

import json
import os
import subprocess
import sys
from collections import Counter
from typing import IO, Any

import pytest
from services.executor.tests.integration.agents.bench import Bench, held_by
from tests.architecture.tree import ROOT

ASSIGNER = "services.executor.tests.integration.agents.assigner"
CONCURRENCY = {"one": 1, "two": 2, "low": 1}
ROUNDS = 40
"""Of each process, at least."""

pytestmark = pytest.mark.timeout(300)


def _begin(url: str, workspace: str, seed: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", ASSIGNER, url, workspace, str(seed)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def _tell(process: "subprocess.Popen[str]", word: str) -> None:
    _pipe(process.stdin).write(f"{word}\n")
    _pipe(process.stdin).flush()


async def test_processes_that_assign_at_once_give_nobody_more_than_it_may_have(bench: Bench, url: str) -> None:
    for name, most in CONCURRENCY.items():
        await bench.set(name, concurrency=most)
    await bench.learn("one", *["done"] * 9)
    await bench.learn("two", *["done"] * 9)
    await bench.learn("low", *["failed"] * 30)
    processes = [_begin(url, bench.workspace, seed) for seed in range(3)]
    heard: list[dict[str, Any]] = []
    try:
        for process in processes:
            assert _pipe(process.stdout).readline() == "ready\n"
        for process in processes:
            _tell(process, "go")
        for _ in range(ROUNDS):
            heard += [json.loads(_pipe(process.stdout).readline()) for process in processes]
            heard.append({"given": {}, "nobody": 0, "seen": await held_by(bench.database, bench.workspace)})
        for process in processes:
            _tell(process, "stop")
            heard += [json.loads(line) for line in _pipe(process.stdout)]
            assert process.wait(60) == 0, "an assigner met what it should not"
    finally:
        for process in processes:
            process.kill()
            process.communicate()

    # A view sees what is committed, so that none may ever have too much.
    for each in heard:
        assert all(number <= CONCURRENCY[name] for name, number in each["seen"].items()), each
    given = sum((Counter(each["given"]) for each in heard), Counter[str]())
    assert sum(each["nobody"] for each in heard) > 0, "nobody was ever busy: this shows nothing"
    assert max(each["seen"].get("two", 0) for each in heard) == CONCURRENCY["two"]
    assert set(given) == set(CONCURRENCY)
    measured = {name: await bench.report(name) for name in CONCURRENCY}
    assert {name: report.results.done for name, report in measured.items() if report} == {
        "one": 9 + given["one"],
        "two": 9 + given["two"],
        "low": given["low"],
    }
