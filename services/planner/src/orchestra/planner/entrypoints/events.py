"""What the planner listens to."""

from orchestra.chassis.messaging.subscriptions import Subscriptions
from orchestra.contracts.models import ModelCallFailed, ModelCallSucceeded
from orchestra.contracts.planning import PlanRequested
from orchestra.contracts.scheduling import PlanApplied, PlanRefused, ProjectChanged, RunForked, TaskCompleted
from orchestra.planner.adapters.work import PlanningWork
from orchestra.planner.application.accept_plan_request import accept_plan_request
from orchestra.planner.application.model_calls import record_answer, record_no_answer
from orchestra.planner.application.record_application import record_application
from orchestra.planner.application.record_archiving import record_archiving
from orchestra.planner.application.record_completion import record_completion
from orchestra.planner.application.record_fork import record_fork

subscriptions = Subscriptions("planner")


@subscriptions.on(PlanRequested)
async def plan_requested(event: PlanRequested, work: PlanningWork) -> None:
    await accept_plan_request(work, event)


@subscriptions.on(PlanApplied)
async def plan_applied(event: PlanApplied, work: PlanningWork) -> None:
    await record_application(work, event)


@subscriptions.on(PlanRefused)
async def plan_refused(event: PlanRefused, work: PlanningWork) -> None:
    await record_application(work, event)


@subscriptions.on(TaskCompleted)
async def task_completed(event: TaskCompleted, work: PlanningWork) -> None:
    await record_completion(work, event)


@subscriptions.on(ProjectChanged)
async def project_changed(event: ProjectChanged, work: PlanningWork) -> None:
    await record_archiving(work, event)


@subscriptions.on(RunForked)
async def run_forked(event: RunForked, work: PlanningWork) -> None:
    await record_fork(work, event)


@subscriptions.on(ModelCallSucceeded)
async def model_call_succeeded(event: ModelCallSucceeded, work: PlanningWork) -> None:
    await record_answer(work, event)


@subscriptions.on(ModelCallFailed)
async def model_call_failed(event: ModelCallFailed, work: PlanningWork) -> None:
    await record_no_answer(work, event)
