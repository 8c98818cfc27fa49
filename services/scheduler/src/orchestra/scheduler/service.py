"""The scheduler, declared."""

from typing import Any

from orchestra.chassis.service import Room, Service
from orchestra.contracts import catalog
from orchestra.scheduler.adapters.calculation import Calculations
from orchestra.scheduler.adapters.readings import diagnose, read_schedule_and_runs
from orchestra.scheduler.adapters.tables import metadata
from orchestra.scheduler.adapters.work import SqlSchedulingWork
from orchestra.scheduler.domain import checkpoint_errors, errors, limit_errors
from orchestra.scheduler.entrypoints import calendar, checkpoints, control, forks, history, limits, members, people
from orchestra.scheduler.entrypoints.events import subscriptions
from orchestra.scheduler.entrypoints.http import router
from orchestra.scheduler.entrypoints.loops import loops
from orchestra.scheduler.settings import SchedulerSettings


async def wire(room: Room[SqlSchedulingWork, Any]) -> None:
    calculations = Calculations(room.database)
    room.loops.extend(loops(room.database, calculations))
    room.on_stop.append(calculations.close)
    room.reads.append(read_schedule_and_runs)
    room.diagnoses.append(diagnose)


service = Service(
    name="scheduler",
    settings=SchedulerSettings,
    work=SqlSchedulingWork,
    metadata=metadata,
    migrations="orchestra.scheduler.migrations",
    subscriptions=subscriptions,
    routers=[
        router,
        control.router,
        forks.router,
        checkpoints.router,
        limits.router,
        members.router,
        people.router,
        calendar.router,
        history.router,
    ],
    refusals={
        errors.UnknownTask: 404,
        errors.UnknownRun: 404,
        errors.UnknownPlan: 404,
        errors.UnknownProject: 404,
        errors.UnknownMember: 404,
        errors.UnknownRole: 404,
        limit_errors.UnknownLimit: 404,
        checkpoint_errors.UnknownCheckpoint: 404,
        errors.NotTheAssignee: 403,
        errors.ManagerTakesNoTask: 403,
        errors.ChoosesForAnother: 403,
        errors.ProjectManagerNeeded: 403,
        errors.InvalidCalendar: 422,
        errors.InvalidMember: 422,
        errors.NoWorkingTime: 422,
        limit_errors.InvalidLimit: 422,
        checkpoint_errors.UnknownInput: 422,
        checkpoint_errors.AnswerUnfit: 422,
        errors.DeadlinePassed: 422,
        errors.SchedulingError: 409,
    },
    bindings=catalog.bindings(),
    wire=wire,
)
