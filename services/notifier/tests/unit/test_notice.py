"""What becomes a notice."""

import json
from typing import get_args

import pytest
from services.notifier.tests.events import (
    AT,
    budget_exhausted,
    budget_raised,
    budget_warned,
    change,
    checkpoint_raised,
    checkpoint_resolved,
    run_changed,
    tasks_changed,
)

from orchestra.contracts.scheduling import RunStatus, TaskStatus
from orchestra.notifier.domain.notice import of_budget, of_checkpoint, of_run, of_tasks


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


def test_a_checkpoint_is_told_when_it_is_raised_when_nobody_answers_and_when_it_is_resolved() -> None:
    events = (checkpoint_raised(), checkpoint_raised(escalated=True, sequence=2), checkpoint_resolved(sequence=3))
    notices = [notice for event in events for notice in of_checkpoint(event, AT)]

    assert [notice.kind for notice in notices] == ["checkpoint.raised", "checkpoint.escalated", "checkpoint.resolved"]
    assert [notice.details["status"] for notice in notices] == ["open", "open", "answered"]
    assert {notice.fact for notice in notices} == {"chk_1"}


def test_a_budget_is_told_with_its_numbers_once_for_each_event() -> None:
    [warned] = of_budget(budget_warned(), "evt_1")
    [exhausted] = of_budget(budget_exhausted(), "evt_2")
    [raised] = of_budget(budget_raised(), "evt_3")

    told = {notice.fact: notice.kind for notice in (warned, exhausted, raised)}
    assert told == {"evt_1": "budget.warned", "evt_2": "budget.exhausted", "evt_3": "budget.raised"}
    numbers = [exhausted.details[name] for name in ("limit", "settled", "held", "asked")]
    assert numbers == [10_000_000, 7_000_000, 1_250_000, 2_000_000]
    assert (raised.details["before"], raised.details["by"]) == (10_000_000, "ana")


@pytest.mark.parametrize("text", ["a" * 10**6, "ü" * 10**6, "\N{OLD ITALIC LETTER A}" * 10**6, "\x01" * 10**6])
def test_a_body_is_under_20_kb_whatever_people_wrote(text: str) -> None:
    [task] = of_tasks(tasks_changed(change("failed", key=text, title=text, cause=text)))
    [run] = of_run(run_changed("failed", cause=text), AT)
    [raised] = of_checkpoint(checkpoint_raised(key=text, title=text, question=text), AT)
    [resolved] = of_checkpoint(checkpoint_resolved(key=text, title=text, guidance=text, cause=text), AT)

    assert all(len(notice.body.encode()) < 20_000 for notice in (task, run, raised, resolved))
