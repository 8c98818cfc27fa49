"""The forwarded part of the public API, as data: what is not in this table is not forwarded."""

from dataclasses import dataclass
from typing import Literal

ServiceName = Literal["planner", "scheduler", "executor", "notifier"]


@dataclass(frozen=True)
class Route:
    """`path` is the same at the service and, behind the prefix, at the gateway."""

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    service: ServiceName
    grant: Literal["read", "write", "admin"]
    in_project: bool = False
    """The planner must know the project first: the service itself keeps no list of them."""
    streamed: bool = False
    """Bodies of any length, in any time."""


PLAN = Route("GET", "/plans/{plan_id}", "planner", "read")
EDITS = Route("POST", "/projects/{project_id}/plans/edits", "planner", "write")
FORK = Route("POST", "/runs/{run_id}/fork", "scheduler", "write")
ANSWER = Route("POST", "/checkpoints/{checkpoint_id}/answer", "scheduler", "write")

PROJECT_MODEL = "/projects/{project_id}/model"
MODEL_KEYS = "/projects/{project_id}/model-keys"
TOOL_SERVERS = "/projects/{project_id}/tool-servers"
KNOWLEDGE = "/projects/{project_id}/knowledge"
BUDGET = "/budgets/{scope}/{name}"
BUDGETS = (
    Route("GET", BUDGET, "executor", "read"),
    Route("PUT", BUDGET, "executor", "admin"),
    Route("DELETE", BUDGET, "executor", "admin"),
    Route("POST", f"{BUDGET}/top-up", "executor", "admin"),
)

AGENT = "/agents/{agent}"

MAIL = "/mail-subscriptions/{mail_subscription_id}"

FORWARDED: tuple[Route, ...] = (
    Route("POST", "/projects", "planner", "write"),
    Route("GET", "/projects", "planner", "read"),
    Route("GET", "/projects/{project_id}", "planner", "read"),
    Route("PATCH", "/projects/{project_id}", "planner", "write"),
    Route("GET", "/projects/{project_id}/requirements", "planner", "read"),
    Route("GET", "/projects/{project_id}/plans", "planner", "read"),
    PLAN,
    Route("GET", "/projects/{project_id}/plan", "planner", "read"),
    EDITS,
    Route("GET", "/plans/{plan_id}/diff", "planner", "read"),
    Route("POST", "/plans/{plan_id}/approve", "planner", "write"),
    Route("POST", "/plans/{plan_id}/reject", "planner", "write"),
    Route("POST", "/plans/{plan_id}/cancel", "planner", "write"),
    Route("PUT", "/projects/{project_id}/team", "scheduler", "write", in_project=True),
    Route("GET", "/projects/{project_id}/team", "scheduler", "read"),
    Route("GET", "/projects/{project_id}/members", "scheduler", "read", in_project=True),
    Route("POST", "/projects/{project_id}/members", "scheduler", "write", in_project=True),
    Route("GET", "/projects/{project_id}/members/{member}", "scheduler", "read", in_project=True),
    Route("PATCH", "/projects/{project_id}/members/{member}", "scheduler", "write"),
    Route("POST", "/projects/{project_id}/members/{member}/days-off", "scheduler", "write"),
    Route("DELETE", "/projects/{project_id}/members/{member}/days-off", "scheduler", "write"),
    Route("POST", "/projects/{project_id}/members/{member}/fire", "scheduler", "write"),
    Route("POST", "/projects/{project_id}/members/{member}/resign", "scheduler", "write"),
    Route("GET", "/projects/{project_id}/roles", "scheduler", "read", in_project=True),
    Route("POST", "/projects/{project_id}/roles", "scheduler", "write", in_project=True),
    Route("POST", "/projects/{project_id}/roles/{role}/rename", "scheduler", "write"),
    Route("DELETE", "/projects/{project_id}/roles/{role}", "scheduler", "write"),
    Route("GET", "/projects/{project_id}/calendar", "scheduler", "read", in_project=True),
    Route("PUT", "/projects/{project_id}/calendar", "scheduler", "write", in_project=True),
    Route("POST", "/projects/{project_id}/calendar/holidays", "scheduler", "write", in_project=True),
    Route("POST", "/projects/{project_id}/calendar/holidays/public", "scheduler", "write", in_project=True),
    Route("DELETE", "/projects/{project_id}/calendar/holidays/{day}", "scheduler", "write", in_project=True),
    Route("GET", "/projects/{project_id}/workload", "scheduler", "read", in_project=True),
    Route("GET", "/projects/{project_id}/log", "scheduler", "read", in_project=True),
    Route("POST", "/projects/{project_id}/runs", "scheduler", "write", in_project=True),
    Route("GET", "/runs", "scheduler", "read"),
    Route("GET", "/runs/{run_id}", "scheduler", "read"),
    Route("POST", "/runs/{run_id}/pause", "scheduler", "write"),
    Route("POST", "/runs/{run_id}/resume", "scheduler", "write"),
    Route("POST", "/runs/{run_id}/cancel", "scheduler", "write"),
    Route("POST", "/runs/{run_id}/retry", "scheduler", "write"),
    Route("POST", "/runs/{run_id}/rerun", "scheduler", "write"),
    FORK,
    Route("GET", "/runs/{run_id}/tasks", "scheduler", "read"),
    Route("GET", "/projects/{project_id}/tasks", "scheduler", "read", in_project=True),
    Route("GET", "/tasks/{task_id}", "scheduler", "read"),
    Route("GET", "/tasks/{task_id}/explain", "scheduler", "read"),
    Route("GET", "/tasks/{task_id}/log", "scheduler", "read"),
    Route("POST", "/tasks/{task_id}/select", "scheduler", "write"),
    Route("POST", "/tasks/{task_id}/start", "scheduler", "write"),
    Route("POST", "/tasks/{task_id}/report", "scheduler", "write"),
    Route("POST", "/tasks/{task_id}/abandon", "scheduler", "write"),
    Route("POST", "/tasks/{task_id}/remove-assignee", "scheduler", "write"),
    Route("POST", "/tasks/{task_id}/complete", "scheduler", "write"),
    Route("POST", "/tasks/{task_id}/decide", "scheduler", "write"),
    Route("POST", "/tasks/{task_id}/pause", "scheduler", "write"),
    Route("POST", "/tasks/{task_id}/resume", "scheduler", "write"),
    Route("POST", "/tasks/{task_id}/cancel", "scheduler", "write"),
    Route("POST", "/tasks/{task_id}/retry", "scheduler", "write"),
    Route("POST", "/tasks/{task_id}/skip", "scheduler", "write"),
    Route("GET", "/limits", "scheduler", "read"),
    Route("PUT", "/limits/{scope}/{name}", "scheduler", "write"),
    Route("DELETE", "/limits/{scope}/{name}", "scheduler", "write"),
    Route("GET", "/mutexes", "scheduler", "read"),
    Route("GET", "/checkpoints", "scheduler", "read"),
    Route("GET", "/checkpoints/{checkpoint_id}", "scheduler", "read"),
    ANSWER,
    Route("GET", "/projects/{project_id}/schedule", "scheduler", "read"),
    Route("GET", "/projects/{project_id}/schedules", "scheduler", "read", in_project=True),
    Route("GET", "/projects/{project_id}/schedules/{version}", "scheduler", "read", in_project=True),
    Route("GET", "/projects/{project_id}/schedules/{version}/difference", "scheduler", "read", in_project=True),
    Route("PUT", "/artifacts/{sha256}", "executor", "write", streamed=True),
    Route("GET", "/artifacts/{sha256}", "executor", "read", streamed=True),
    Route("HEAD", "/artifacts/{sha256}", "executor", "read"),
    Route("GET", "/attempts", "executor", "read"),
    Route("GET", "/attempts/{attempt_id}", "executor", "read"),
    Route("GET", "/attempts/{attempt_id}/log", "executor", "read", streamed=True),
    Route("GET", "/attempts/{attempt_id}/tool-calls", "executor", "read"),
    Route("GET", "/policy", "executor", "read"),
    Route("GET", "/models", "executor", "read"),
    Route("GET", PROJECT_MODEL, "executor", "read", in_project=True),
    Route("PUT", PROJECT_MODEL, "executor", "write", in_project=True),
    Route("DELETE", PROJECT_MODEL, "executor", "write", in_project=True),
    Route("GET", MODEL_KEYS, "executor", "read", in_project=True),
    Route("GET", f"{MODEL_KEYS}/{{provider}}", "executor", "read", in_project=True),
    Route("PUT", f"{MODEL_KEYS}/{{provider}}", "executor", "write", in_project=True),
    Route("DELETE", f"{MODEL_KEYS}/{{provider}}", "executor", "write", in_project=True),
    Route("POST", f"{MODEL_KEYS}/{{provider}}/test", "executor", "write", in_project=True),
    Route("GET", "/agents", "executor", "read"),
    Route("GET", AGENT, "executor", "read"),
    Route("PUT", AGENT, "executor", "admin"),
    Route("DELETE", AGENT, "executor", "admin"),
    Route("POST", f"{AGENT}/pause", "executor", "admin"),
    Route("POST", f"{AGENT}/resume", "executor", "admin"),
    # The agent's own token proves it: whoever holds that needs a key that changes nothing else.
    Route("POST", f"{AGENT}/heartbeat", "executor", "read"),
    Route("GET", "/tool-servers", "executor", "read"),
    Route("GET", TOOL_SERVERS, "executor", "read", in_project=True),
    Route("GET", f"{TOOL_SERVERS}/{{name}}", "executor", "read", in_project=True),
    Route("PUT", f"{TOOL_SERVERS}/{{name}}", "executor", "write", in_project=True),
    Route("DELETE", f"{TOOL_SERVERS}/{{name}}", "executor", "write", in_project=True),
    Route("POST", f"{TOOL_SERVERS}/{{name}}/test", "executor", "write", in_project=True),
    Route("GET", KNOWLEDGE, "executor", "read", in_project=True),
    Route("POST", KNOWLEDGE, "executor", "write", in_project=True),
    Route("GET", f"{KNOWLEDGE}/{{finding_id}}", "executor", "read", in_project=True),
    Route("DELETE", f"{KNOWLEDGE}/{{finding_id}}", "executor", "write", in_project=True),
    Route("GET", "/budgets", "executor", "read"),
    *BUDGETS,
    Route("GET", "/costs", "executor", "read"),
    Route("GET", "/ledger", "executor", "read"),
    Route("POST", "/webhooks", "notifier", "write"),
    Route("GET", "/webhooks", "notifier", "read"),
    Route("GET", "/webhooks/{webhook_id}", "notifier", "read"),
    Route("DELETE", "/webhooks/{webhook_id}", "notifier", "write"),
    Route("POST", "/webhooks/{webhook_id}/enable", "notifier", "write"),
    Route("POST", "/webhooks/{webhook_id}/test", "notifier", "write"),
    Route("GET", "/webhooks/{webhook_id}/deliveries", "notifier", "read"),
    Route("POST", "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", "notifier", "write"),
    Route("POST", "/mail-subscriptions", "notifier", "write"),
    Route("GET", "/mail-subscriptions", "notifier", "read"),
    Route("GET", MAIL, "notifier", "read"),
    Route("DELETE", MAIL, "notifier", "write"),
    Route("POST", f"{MAIL}/enable", "notifier", "write"),
    Route("POST", f"{MAIL}/test", "notifier", "write"),
    Route("GET", f"{MAIL}/deliveries", "notifier", "read"),
    Route("POST", f"{MAIL}/deliveries/{{delivery_id}}/replay", "notifier", "write"),
)
