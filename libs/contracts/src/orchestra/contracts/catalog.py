"""The one table of who publishes and who consumes. Topology, broker permissions and documents are made from it."""

from dataclasses import dataclass

from orchestra.contracts import agents, budgets, checkpoints, execution, models, planning, scheduling
from orchestra.contracts.event import Event


@dataclass(frozen=True)
class Entry:
    event: type[Event]
    publisher: str
    consumers: tuple[str, ...]


CATALOG: tuple[Entry, ...] = (
    Entry(planning.PlanRequested, "gateway", ("planner",)),
    Entry(planning.PlanProposed, "planner", ("gateway",)),
    Entry(planning.PlanFailed, "planner", ("gateway",)),
    Entry(planning.PlanApproved, "planner", ("gateway",)),
    Entry(planning.PlanRejected, "planner", ("gateway",)),
    Entry(models.ModelCallRequested, "planner", ("executor",)),
    Entry(models.ModelCallCancelled, "planner", ("executor",)),
    Entry(models.ModelCallSucceeded, "executor", ("planner",)),
    Entry(models.ModelCallFailed, "executor", ("planner",)),
    Entry(planning.TasksDecomposed, "planner", ("scheduler",)),
    Entry(scheduling.PlanApplied, "scheduler", ("planner", "gateway")),
    Entry(scheduling.PlanRefused, "scheduler", ("planner", "gateway")),
    Entry(scheduling.RunChanged, "scheduler", ("executor", "gateway", "notifier")),
    Entry(scheduling.RunForked, "scheduler", ("planner",)),
    Entry(scheduling.TaskDispatched, "scheduler", ("executor",)),
    Entry(scheduling.DispatchWithdrawn, "scheduler", ("executor",)),
    Entry(scheduling.DispatchRecalled, "scheduler", ("executor",)),
    Entry(scheduling.TasksChanged, "scheduler", ("gateway", "notifier")),
    Entry(scheduling.TaskCompleted, "scheduler", ("planner",)),
    Entry(checkpoints.CheckpointRaised, "scheduler", ("gateway", "notifier")),
    Entry(checkpoints.CheckpointResolved, "scheduler", ("gateway", "notifier")),
    Entry(scheduling.ScheduleRecalculated, "scheduler", ("gateway",)),
    Entry(scheduling.ProjectChanged, "scheduler", ("planner", "gateway")),
    Entry(execution.AttemptStarted, "executor", ("scheduler",)),
    Entry(execution.AttemptReturned, "executor", ("scheduler",)),
    Entry(execution.AttemptSucceeded, "executor", ("scheduler",)),
    Entry(execution.AttemptFailed, "executor", ("scheduler",)),
    Entry(execution.AttemptSuspended, "executor", ("scheduler",)),
    Entry(agents.AgentStatusChanged, "executor", ("gateway",)),
    Entry(budgets.BudgetWarned, "executor", ("gateway", "notifier")),
    Entry(budgets.BudgetExhausted, "executor", ("gateway", "notifier")),
    Entry(budgets.BudgetRaised, "executor", ("gateway", "notifier", "scheduler")),
)

BY_KIND: dict[str, Entry] = {entry.event.kind: entry for entry in CATALOG}


def published_by(service: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in CATALOG if entry.publisher == service)


def consumed_by(service: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in CATALOG if service in entry.consumers)


def bindings() -> dict[str, tuple[str, ...]]:
    """Every consuming service with the kinds it hears: what a broker needs to declare all queues at any start."""
    services = {service for entry in CATALOG for service in entry.consumers}
    return {service: tuple(entry.event.kind for entry in consumed_by(service)) for service in sorted(services)}
