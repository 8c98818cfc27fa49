"""What becomes a notice."""

import json
from typing import get_args

import pytest
from services.notifier.tests.events import AT, change, run_changed, tasks_changed

from orchestra.contracts.scheduling import RunStatus, TaskStatus
from orchestra.notifier.domain.notice import of_run, of_tasks


def test_only_the_end_of_a_run_is_told() -> None:
    told = {status for status in get_args(RunStatus) if of_run(run_changed(status), AT)}

    assert told == {"finished", "failed", "cancelled"}


def test_only_failures_and_waits_of_tasks_are_told() -> None:
    told = {status: [n.kind for n in of_tasks(tasks_changed(change(status)))] for status in get_args(TaskStatus)}

    assert {status: kinds for status, kinds in told.items() if kinds} == {
        "failed": ["task.failed"],
        "waiting": ["task.waiting"],
        "assigned": ["task.waiting"],
    }


def test_the_end_of_an_epoch_is_one_fact_and_each_epoch_another() -> None:
    [first], [repeated] = of_run(run_changed("failed", sequence=3), AT), of_run(run_changed("failed", sequence=9), AT)
    [second] = of_run(run_changed("finished", epoch=2), AT)

    assert first.fact == repeated.fact != second.fact


def test_a_body_has_type_timestamp_and_thin_data() -> None:
    [notice] = of_tasks(tasks_changed(change("waiting", assignee="mem_1", attempt=2)))

    assert json.loads(notice.body) == {
        "type": "task.waiting",
        "timestamp": "2026-11-20T09:30:00Z",
        "data": {
            "workspace_id": "wsp_1",
            "project_id": "prj_1",
            "run_id": "run_1",
            "task_id": "tsk_1",
            "key": "T1",
            "title": "Write it",
            "status": "waiting",
            "attempt": 2,
            "assignee": "mem_1",
            "cause": "because",
        },
    }


@pytest.mark.parametrize("text", ["a" * 10**6, "ü" * 10**6, "\N{OLD ITALIC LETTER A}" * 10**6, "\x01" * 10**6])
def test_a_body_is_under_20_kb_whatever_people_wrote(text: str) -> None:
    [task] = of_tasks(tasks_changed(change("failed", key=text, title=text, cause=text)))
    [run] = of_run(run_changed("failed", cause=text), AT)

    assert len(task.body.encode()) < 20_000
    assert len(run.body.encode()) < 20_000
