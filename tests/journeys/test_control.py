"""A run paused in the middle, resumed, one of its commands cancelled, retried from its failures, finished."""

from uuid import uuid4

import pytest
from tests.journeys.jobs import ENDED, commands, python, start, stopped, tasks_of
from tests.journeys.test_decisions import processes_with
from tests.system import eventually

from orchestra.cli.api import Api
from orchestra.cli.exits import Exit, Stop


async def test_a_run_is_paused_resumed_and_retried_to_its_end(api: Api) -> None:
    marks = {key: uuid4().hex for key in ("s1", "s2")}
    once = "import os, time; print('so far', flush=True); os.environ['ORCHESTRA_ATTEMPT'] == '1' and time.sleep(600)"
    inputs = commands(
        *(python(key, f"{once}  # {mark}") for key, mark in marks.items()),
        python("q1", "print(1)"),
        python("q2", "print(2)"),
        python("behind", "print(3)", after=["s1"]),
        python("flaky", "import os, sys; sys.exit(os.environ['ORCHESTRA_ATTEMPT'] == '1')", after=["q1"], retries=0),
        slots=2,
    )
    run = (await start(api, inputs))["id"]

    async def statuses() -> dict[str, str]:
        return {key: task["status"] for key, task in (await tasks_of(api, run)).items()}

    async def both_at_it() -> bool:
        return all(processes_with(mark) for mark in marks.values()) and (await statuses())["s1"] == "running"

    await eventually(both_at_it)
    assert (await api.post(f"/runs/{run}/pause", {}))["status"] == "paused"

    async def given_back() -> bool:
        now = await statuses()
        return now["q1"] == now["q2"] == "ready"

    await eventually(given_back)
    ids = {key: task["id"] for key, task in (await tasks_of(api, run)).items()}
    attempts = len(await api.all("/attempts", run_id=run))
    await api.post(f"/tasks/{ids['s1']}/cancel", {})

    async def stopped_with_its_log() -> bool:
        evidence = (await api.get(f"/tasks/{ids['s1']}"))["evidence"]
        return not processes_with(marks["s1"]) and evidence is not None and evidence["tail"] == "so far\n"

    await eventually(stopped_with_its_log)
    assert processes_with(marks["s2"])
    assert len(await api.all("/attempts", run_id=run)) == attempts
    assert (await api.get(f"/runs/{run}"))["status"] == "paused"

    await api.post(f"/runs/{run}/resume", {})

    async def the_rest_has_ended() -> bool:
        now = await statuses()
        return (now["q1"], now["q2"], now["flaky"]) == ("done", "done", "failed")

    await eventually(the_rest_has_ended)
    await api.post(f"/tasks/{ids['s2']}/cancel", {})
    assert (await stopped(api, run))["status"] == "failed"
    assert "s1, which is cancelled" in (await api.get(f"/tasks/{ids['behind']}/explain"))["sentence"]
    with pytest.raises(Stop) as refused:
        await api.post(f"/runs/{run}/pause", {})
    assert refused.value.code == Exit.CONFLICT

    assert (await api.post(f"/runs/{run}/retry", {}))["epoch"] == 2
    for key in ("s1", "s2"):
        await eventually(lambda: _may_be_retried(api, ids["flaky"]))
        await api.post(f"/tasks/{ids[key]}/retry", {})
    assert (await stopped(api, run))["status"] == "finished"
    assert set((await statuses()).values()) == {"done"}

    async def told() -> list[tuple[str, int]]:
        entries = await api.all("/feed", after=0, run_id=run)
        changes = [e["data"] for e in entries if e["kind"] == "run.changed.v1"]
        ends = [(c["status"], c["epoch"]) for c in changes if c["status"] in ENDED]
        return ends if ends and ends[-1][0] == "finished" else []

    ends = await eventually(told)
    assert len({epoch for _, epoch in ends}) == len(ends)


async def _may_be_retried(api: Api, flaky: str) -> bool:
    return (await api.get(f"/tasks/{flaky}"))["status"] == "done"
