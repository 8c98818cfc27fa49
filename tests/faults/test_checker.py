"""The judge is judged first: whatever is taken from, added to or changed in a clean record, it says so."""

import socket
import subprocess
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.faults.checker import Outline, Record, unsettled, violations
from tests.faults.remains import Queue, remains_of
from tests.small_disk import small_disk
from tests.system import System

Change = Callable[[Record], Record]


def rows(service: str, table: str, change: Callable[[list[dict[str, Any]]], Any]) -> Change:
    """The record with the rows of one table changed: those of its run, where rows say whose they are."""

    def changed(record: Record) -> Record:
        copies = [dict(row) for row in record.tables[service, table]]
        others = [row for row in copies if row.get("run_id", record.run["id"]) != record.run["id"]]
        mine = [row for row in copies if row not in others]
        change(mine)
        return replace(record, tables={**record.tables, (service, table): [*others, *mine]})

    return changed


def said(kind: str, **data: Any) -> Change:
    """The record with the last event of a kind said once more, with these differences."""

    def changed(record: Record) -> Record:
        last = next(each for each in reversed(record.said) if each.kind == kind)
        again = last.cloud.model_copy(update={"id": "evt_new", "data": {**last.cloud.data, **data}})
        return replace(record, said=[*record.said, replace(last, cloud=again)])

    return changed


def store(change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> Change:
    return lambda record: replace(record, stored=change(record.stored))


def queue(name: str, found: Queue) -> Change:
    return lambda record: replace(record, queues={**record.queues, name: found})


RUNS = "notifier.run.changed.v1.q1"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)

TAMPERED = {
    "a task that is not done": rows("scheduler", "task", lambda found: found[0].update(status="ready")),
    "a task that is lost": rows("scheduler", "task", lambda found: found.pop(3)),
    "a task completed twice": said("task.completed.v1"),
    "an attempt nobody dispatched": rows("scheduler", "dispatch", lambda found: found.pop()),
    "an attempt with two outcomes": said("attempt.succeeded.v1"),
    "an attempt without an end": rows("executor", "attempt", lambda found: found[0].update(status="leased")),
    "a command that succeeded twice": rows("executor", "attempt", lambda found: found[1].update(number=2)),
    "a second end of the run": said("run.changed.v1", sequence=99),
    "an artifact that holds something else": store(lambda stored: dict.fromkeys(stored, "0" * 64)),
    "no artifact at all": store(lambda _: {}),
    "an output that was not collected": rows("scheduler", "task", lambda found: found[0].update(outputs=[])),
    "a claim that is left": rows("planner", "outbox", lambda found: found[0].update(claim="clm_1")),
    "a mark for what nobody said": rows("gateway", "inbox", lambda found: found.append({"event_id": "evt_ghost"})),
    "a sequence that goes back": said("schedule.recalculated.v1"),
    "a move that the table does not know": rows("scheduler", "task", lambda found: found[0].update(status="skipped")),
    "a gap in the feed": rows("gateway", "feed", lambda found: found.pop(2)),
    "a lease that has run out": rows(
        "notifier", "delivery", lambda found: found.append({"lease": "x", "leased_until": LONG_AGO})
    ),
    "a part that waits": rows("scheduler", "event_part", lambda found: found.append({"part": 1})),
}

ON_ITS_WAY = {
    "an event that was not sent": lambda record: replace(
        record, said=[*record.said[:-1], replace(record.said[-1], sent=False)]
    ),
    "an event that was not handled": rows("scheduler", "inbox", lambda found: found.pop()),
    "an event that will be retried": rows("planner", "retry", lambda found: found.append({"event_id": "evt_1"})),
    "a change that was not told": rows("scheduler", "task_change", lambda found: found.append({"run_id": "run_1"})),
    "a queue without a consumer": queue(RUNS, Queue(0, 0)),
    "a queue that is gone": lambda record: replace(
        record, queues={name: each for name, each in record.queues.items() if name != RUNS}
    ),
    "a message that nobody was handed": queue("planner.dead.q1", Queue(1, 1)),
    "a schedule that is not current": rows("scheduler", "project", lambda found: found[0].update(stale_cause="x")),
}


@pytest.mark.parametrize("name", TAMPERED)
async def test_a_violation_is_found(name: str, system: System, clean: Outline) -> None:
    assert violations(TAMPERED[name](system.remembered["record"])) != []


@pytest.mark.parametrize("name", ON_ITS_WAY)
async def test_what_is_on_its_way_is_waited_for(name: str, system: System, clean: Outline) -> None:
    assert unsettled(system.remembered["record"]) == []
    assert unsettled(ON_ITS_WAY[name](system.remembered["record"])) != []


LEFT = {
    "a workspace": lambda home: (home / "workspaces" / "att_1").mkdir(),
    "a log": lambda home: (home / "logs" / "att_1.log").touch(),
    "half an artifact": lambda home: (home.parent / "artifacts" / "incoming" / "tmp1").touch(),
}


@pytest.fixture
def untidy(tmp_path: Path, system: System) -> System:
    """A machine on which nothing has run."""
    for name in ("workspaces/workspaces", "workspaces/logs", "artifacts/incoming"):
        (tmp_path / name).mkdir(parents=True)
    return replace(system, artifacts=tmp_path / "artifacts", workspaces=tmp_path / "workspaces")


@pytest.mark.parametrize("name", LEFT)
def test_a_file_that_is_left_is_found(name: str, untidy: System) -> None:
    assert remains_of(untidy) == []
    LEFT[name](untidy.workspaces)
    assert len(remains_of(untidy)) == 1


def test_a_process_that_is_left_is_found(untidy: System) -> None:
    with subprocess.Popen(["sleep", "60"], cwd=untidy.workspaces / "workspaces") as process:
        assert [str(process.pid) in each for each in remains_of(untidy)] == [True]
        process.kill()
    assert remains_of(untidy) == []


def test_a_socket_that_is_left_is_found(untidy: System) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(str(untidy.workspaces / "socket"))
        assert [each.endswith("is a socket") for each in remains_of(untidy)] == [True]


def test_a_mount_that_is_left_is_found(untidy: System) -> None:
    with small_disk(untidy.workspaces) as place:
        assert [str(place) in each for each in remains_of(untidy)] == [True]
