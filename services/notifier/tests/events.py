"""Events as the scheduler publishes them."""

from datetime import UTC, datetime
from typing import Any

from orchestra.contracts.budgets import BudgetExhausted, BudgetRaised, BudgetWarned
from orchestra.contracts.checkpoints import CheckpointRaised, CheckpointResolved
from orchestra.contracts.scheduling import RunChanged, TaskChange, TasksChanged
from orchestra.notifier.domain.webhook import Webhook

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def run_changed(status: str = "finished", **more: Any) -> RunChanged:
    fields: dict[str, Any] = {
        "workspace_id": "wsp_1",
        "project_id": "prj_1",
        "run_id": "run_1",
        "plan_id": "pln_1",
        "epoch": 1,
        "totals": {"done": 3},
    }
    return RunChanged.model_validate({**fields, **more, "status": status})


def change(after: str, task: str = "tsk_1", **more: Any) -> TaskChange:
    fields: dict[str, Any] = {"key": "T1", "title": "Write it", "before": "ready", "cause": "because", "at": AT}
    return TaskChange.model_validate({**fields, **more, "task_id": task, "after": after})


def tasks_changed(*changes: TaskChange, **more: Any) -> TasksChanged:
    fields: dict[str, Any] = {"workspace_id": "wsp_1", "project_id": "prj_1", "run_id": "run_1"}
    return TasksChanged.model_validate({**fields, **more, "changes": changes})


_CHECKPOINT: dict[str, Any] = {
    "workspace_id": "wsp_1",
    "project_id": "prj_1",
    "run_id": "run_1",
    "task_id": "tsk_1",
    "checkpoint_id": "chk_1",
    "key": "T1",
    "title": "Write it",
    "attempt": 2,
    "about": "exhausted",
}


def checkpoint_raised(**more: Any) -> CheckpointRaised:
    asked = {
        "question": "Write it (T1) has failed. Try it again?",
        "choices": ("retry", "skip", "fail"),
        "raised_at": AT,
    }
    return CheckpointRaised.model_validate({**_CHECKPOINT, **asked, **more})


def checkpoint_resolved(status: str = "answered", **more: Any) -> CheckpointResolved:
    said = (
        {"answer": "retry", "by": "ana", "cause": "ana answered: retry"} if status == "answered" else {"cause": "late"}
    )
    return CheckpointResolved.model_validate({**_CHECKPOINT, "status": status, "at": AT, **said, **more})


def a_webhook(**more: Any) -> Webhook:
    fields: dict[str, Any] = {
        "id": "whk_1",
        "workspace_id": "wsp_1",
        "url": "https://example.com",
        "kinds": ("run.finished",),
        "description": "",
        "secret": "whsec_x",
        "created_at": AT,
    }
    return Webhook(**{**fields, **more})


_BUDGET: dict[str, Any] = {
    "workspace_id": "wsp_1",
    "project_id": "prj_1",
    "budget": "project/prj_1",
    "scope": "project",
    "name": "prj_1",
    "unit": "micros",
    "settled": 7_000_000,
    "held": 1_250_000,
    "at": AT,
}


def budget_warned(**more: Any) -> BudgetWarned:
    return BudgetWarned.model_validate({**_BUDGET, "limit": 10_000_000, **more})


def budget_exhausted(**more: Any) -> BudgetExhausted:
    return BudgetExhausted.model_validate({**_BUDGET, "limit": 10_000_000, "asked": 2_000_000, **more})


def budget_raised(**more: Any) -> BudgetRaised:
    return BudgetRaised.model_validate({**_BUDGET, "before": 10_000_000, "limit": 15_000_000, "by": "ana", **more})
