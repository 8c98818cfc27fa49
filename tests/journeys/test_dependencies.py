"""Dependencies beyond finish to start, seen from outside: an end that waits, a start beside another, a lag."""

from datetime import datetime, timedelta
from typing import Any

from tests.journeys.jobs import by_hand, commands, python, start, tasks_of
from tests.system import eventually

from orchestra.cli.api import Api


def after(key: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"task": key, "kind": kind, **more}


async def test_ends_and_starts_wait_for_their_gates(api: Api) -> None:
    watch = python("watch", "open('seen.txt', 'w').write('all of it')", outputs=["seen.txt"])
    inputs = commands(
        {**watch, "after": [after("report", "FF")]},
        by_hand("ask"),
        python("report", "print('asked')", after=["ask"]),
        {**python("later", "print('never')"), "after": [after("report", "FS", lag="1h", clock="elapsed")]},
        python("serve", "import time; time.sleep(600)"),
        {**python("probe", "print('it serves')"), "after": [after("serve", "SS")]},
    )
    run = (await start(api, inputs))["id"]

    async def reached(**wanted: str) -> dict[str, dict[str, Any]]:
        """The tasks, once these are in these states."""

        async def look() -> dict[str, dict[str, Any]] | None:
            tasks = await tasks_of(api, run)
            return (
                tasks
                if all(key in tasks and tasks[key]["status"] == status for key, status in wanted.items())
                else None
            )

        found = await eventually(look)
        assert found is not None
        return found

    async def explained(task: dict[str, Any]) -> str:
        return (await api.get(f"/tasks/{task['id']}/explain"))["sentence"]

    # The command that ends first keeps what it has made, and is done when its partner is.
    held = await reached(watch="in_review", ask="assigned", serve="running", probe="done")
    assert held["report"]["status"] == held["later"]["status"] == "blocked"
    assert held["probe"]["started_at"] >= held["serve"]["started_at"]
    assert held["watch"]["ended_at"] is None
    assert await explained(held["watch"]) == (
        "watch is in_review: its work is done, and its end waits until report has ended (FF); report is blocked."
    )
    await api.post(f"/tasks/{held['ask']['id']}/start", {"member": "ana"})
    await api.post(f"/tasks/{held['ask']['id']}/complete", {"member": "ana"})
    ended = await reached(report="done", watch="done")
    assert ended["watch"]["ended_at"] >= ended["report"]["ended_at"]
    assert ended["watch"]["outputs"] == held["watch"]["outputs"] != []

    log = await api.all(f"/tasks/{held['watch']['id']}/log")
    assert [entry["after"] for entry in log][-2:] == ["in_review", "done"]

    # What only time holds back says until when, and goes with its run.
    later = ended["later"]
    [gate] = later["dependencies"]
    opens_at = datetime.fromisoformat(gate["opens_at"])
    assert opens_at == datetime.fromisoformat(ended["report"]["ended_at"]) + timedelta(hours=1)
    assert await explained(later) == (
        f"later is blocked: its start waits until 1 h after report has ended (FS), {opens_at:%Y-%m-%d %H:%M} UTC."
    )
    assert (await api.post(f"/runs/{run}/cancel", {}))["status"] == "cancelled"
    await reached(later="cancelled", serve="cancelled", watch="done")
