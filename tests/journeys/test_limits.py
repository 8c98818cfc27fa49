"""Commands of two projects under one limit and one mutex: the clock says whether these held."""

from itertools import pairwise
from typing import Any

from tests.journeys.jobs import commands, python, start, stopped, tasks_of

from orchestra.cli.api import Api

LIMIT = 3
CODE = """
import os, time
began = time.monotonic()
time.sleep(0.2)
print(began, time.monotonic(), os.environ.get("ORCHESTRA_MUTEX_PRESS_1", 0))
"""


async def test_limits_and_mutexes_hold_over_projects_and_every_command_has_its_turn(api: Api) -> None:
    await api.put("/limits/workspace/all", {"concurrency": LIMIT})
    try:
        tasks = [python(f"free-{n}", CODE) for n in range(4)] + [
            python(f"one-{n}", CODE, mutexes=["press.1"]) for n in range(3)
        ]
        runs = [(await start(api, commands(*tasks, slots=8)))["id"] for _ in range(2)]
        for run in runs:
            assert (await stopped(api, run))["status"] == "finished"
    finally:
        await api.delete("/limits/workspace/all")

    seen = [(key, *_seen(task)) for run in runs for key, task in (await tasks_of(api, run)).items()]
    assert len(seen) == 14
    for _, began, _, _ in seen:
        assert sum(other[1] <= began < other[2] for other in seen) <= LIMIT
    alone = sorted((began, ended, token) for key, began, ended, token in seen if key.startswith("one"))
    assert all(before[1] <= after[0] for before, after in pairwise(alone))
    tokens = [token for _, _, token in alone]
    assert tokens == sorted(set(tokens))
    assert tokens[-1] - tokens[0] == 5
    [mutex] = [each for each in (await api.get("/mutexes"))["data"] if each["name"] == "press.1"]
    assert (mutex["task_key"], mutex["token"]) == (None, tokens[-1])


def _seen(task: dict[str, Any]) -> tuple[float, float, int]:
    began, ended, token = task["evidence"]["tail"].split()
    return float(began), float(ended), int(token)
