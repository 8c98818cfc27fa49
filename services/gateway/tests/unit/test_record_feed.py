"""The feed: every event counts once, in the order of recording."""

from datetime import UTC, datetime
from typing import Any

import pytest
from services.gateway.tests.fakes import NOW, FakeFeed, FakeUnit
from services.gateway.tests.harness import Holder, run_changed

from orchestra.contracts import catalog
from orchestra.contracts.planning import Fault, PlanFailed, PlanProposed
from orchestra.contracts.scheduling import TaskChange, TasksChanged
from orchestra.gateway.application.record_feed import record_feed
from orchestra.gateway.application.request_plan import request_plan
from orchestra.gateway.domain.errors import UnknownWorkspace
from orchestra.gateway.domain.plan_request import Project, WantedPlan
from orchestra.gateway.entrypoints.events import subscriptions

A_TIME = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def unit() -> FakeUnit:
    return FakeUnit(feed=FakeFeed("wsp_1", "wsp_2"))


def test_the_gateway_listens_to_what_the_catalog_says() -> None:
    assert set(subscriptions.kinds()) == {entry.event.kind for entry in catalog.consumed_by("gateway")}


async def test_events_are_counted_by_workspace_in_their_order(unit: FakeUnit) -> None:
    await record_feed([run_changed("wsp_2", 1), run_changed("wsp_1", 1, "a"), run_changed("wsp_1", 1, "b")], unit)
    await record_feed([run_changed("wsp_1", 2, "a")], unit)

    assert [(item.sequence, item.run_id) for item in unit.feed["wsp_1"]] == [(1, "a"), (2, "b"), (3, "a")]
    assert [item.sequence for item in unit.feed["wsp_2"]] == [1]
    assert unit.woken == ["feed:wsp_1", "feed:wsp_2", "feed:wsp_1"]


async def test_workspaces_are_held_in_one_order_whatever_the_delivery_says(unit: FakeUnit) -> None:
    await record_feed([run_changed("wsp_2", 1), run_changed("wsp_1", 1), run_changed("wsp_2", 2)], unit)

    assert unit.feed.held == ["wsp_1", "wsp_2"]


async def test_a_run_change_older_than_the_newest_is_left_out(unit: FakeUnit) -> None:
    await record_feed([run_changed("wsp_1", 2, status="finished")], unit)
    await record_feed([run_changed("wsp_1", 1, status="running")], unit)

    assert [item.data["status"] for item in unit.feed["wsp_1"]] == ["finished"]


async def test_task_changes_all_count_however_late_they_come(unit: FakeUnit) -> None:
    change = TaskChange(task_id="t", key="k", title="T", before=None, after="ready", cause="", at=A_TIME)
    events = [
        TasksChanged(workspace_id="wsp_1", project_id="prj_1", sequence=n, changes=(change,), run_id="run_1")
        for n in (2, 1)
    ]
    await record_feed(events, unit)

    assert [item.kind for item in unit.feed["wsp_1"]] == ["tasks.changed.v1"] * 2


async def test_an_item_says_what_happened_and_when_it_was_recorded(unit: FakeUnit) -> None:
    await record_feed([run_changed("wsp_1", 7)], unit)

    [item] = unit.feed["wsp_1"]
    assert (item.kind, item.project_id, item.run_id, item.at) == ("run.changed.v1", "prj_1", "run_1", NOW)
    assert item.data == {"plan_id": "pln_1", "status": "running", "epoch": 1, "totals": {"running": 7}, "cause": ""}


async def test_an_event_of_an_unknown_workspace_is_refused(unit: FakeUnit) -> None:
    with pytest.raises(UnknownWorkspace):
        await record_feed([run_changed("wsp_3", 1)], unit)


PROPOSED: dict[str, Any] = {"version": 1, "hash": "0" * 64, "requirements": 1, "tasks": 1, "gaps": ()}
FAULT = Fault(pointer="/tasks", code="no-tasks", detail="None.")


@pytest.mark.parametrize(
    ("event", "more", "status"), [(PlanProposed, PROPOSED, "succeeded"), (PlanFailed, {"faults": (FAULT,)}, "failed")]
)
async def test_an_operation_ends_with_its_plan(unit: FakeUnit, event: Any, more: dict[str, Any], status: str) -> None:
    wanted = WantedPlan("Text.", "a.md", "document")
    operation = await request_plan(unit, wanted, Project("prj_1", "P"), Holder("wsp_1"))

    await record_feed([event(workspace_id="wsp_1", project_id="prj_1", plan_id=operation.plan_id, **more)], unit)

    assert unit.operations[operation.plan_id].status == status
