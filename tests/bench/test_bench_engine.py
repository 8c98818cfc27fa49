"""The benchmark measures ours and the floor, and says so in one line of JSON. How fast they are is not asserted."""

import json
import subprocess
import sys
from typing import Any

import pytest
from bench.engine import FIGURES
from bench.peers.workload import LAYERS, WORKLOADS, check
from tests.architecture.tree import ROOT

pytestmark = pytest.mark.timeout(300)

SMALL = ("--workload", "chain200", "--tasks", "10", "--rounds", "1", "--json")


def bench(runtime: str, *more: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.engine", "--runtime", runtime, *SMALL, *more]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def assert_measured(result: dict[str, Any], runtime: str) -> None:
    assert (result["workload"], result["runtime"], result["rounds"], result["tasks"]) == ("chain200", runtime, 1, 10)
    assert all(result[figure] > 0 for figure in FIGURES)
    assert all(result["floor"][figure] > 0 for figure in ("tasks_per_s", "ms_per_step", "peak_mb"))
    assert result["versions"]["python"]


def test_the_embedded_runtime_is_measured_beside_its_floor() -> None:
    assert_measured(bench("embedded"), "embedded")


@pytest.mark.usefixtures("postgres", "rabbitmq", "redis")
def test_the_distributed_runtime_is_measured_beside_its_floor() -> None:
    assert_measured(bench("distributed"), "distributed")


@pytest.mark.usefixtures("postgres", "rabbitmq", "redis")
def test_another_engine_is_measured_beside_ours_in_an_environment_of_its_own() -> None:
    result = bench("embedded", "--peers", "procrastinate")
    [(name, row)] = result["peers"].items()
    assert name == "procrastinate"
    assert row["tasks_per_s"] > 0
    assert row["versions"]["procrastinate"]


def test_commands_are_measured_beside_bare_subprocesses_of_the_same_run() -> None:
    small = ("--workload", "commands", "--tasks", "40", "--rounds", "2", "--json")
    command = [sys.executable, "-m", "bench.engine", *small]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["workload"], result["tasks"], result["rounds"], result["concurrency"]) == ("commands", 80, 2, 2)
    assert result["level"] in ("L2", "L3")
    assert set(result["limits_over_bare"]) == {"p50_ms", "p99_ms", "cpu_ms"}
    for figure in result["limits_over_bare"]:
        bare, attempt = result["bare"][figure], result["attempt"][figure]
        assert result["over_bare"]["attempt"][figure] == pytest.approx(attempt - bare, abs=0.011)
        assert not bare or result["ratio"]["attempt"][figure] == pytest.approx(attempt / bare, abs=0.011)
    assert 0 < result["bare"]["p50_ms"] < result["sandbox"]["p50_ms"]
    assert result["attempt"]["cpu_ms"] > 0


@pytest.mark.parametrize("name", WORKLOADS)
def test_a_workload_has_the_steps_it_says(name: str) -> None:
    graph = WORKLOADS[name].graph()
    depth: dict[int, int] = {}
    for task, after in graph.items():
        depth[task] = 1 + max((depth[each] for each in after), default=0)

    assert len(graph) == WORKLOADS[name].tasks
    assert max(depth.values()) == WORKLOADS[name].steps


def test_a_small_dag_keeps_its_layers() -> None:
    small = WORKLOADS["dag1000"].of(7)

    assert small.steps == LAYERS
    assert len(small.graph()) == small.tasks == 30


@pytest.mark.parametrize("finished", [[0, 1], [0, 1, 2, 2], [0, 1, 3]], ids=["lost", "twice", "another"])
def test_a_run_that_lost_or_repeated_a_task_is_not_measured(finished: list[int]) -> None:
    with pytest.raises(SystemExit):
        check({0: (), 1: (), 2: ()}, finished)
