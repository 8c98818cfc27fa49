"""The planner: what it is made of."""

from orchestra.chassis.service import Room, Service
from orchestra.contracts import catalog
from orchestra.planner.adapters.tables import metadata
from orchestra.planner.adapters.work import PlanningWork
from orchestra.planner.domain import errors
from orchestra.planner.entrypoints import http
from orchestra.planner.entrypoints.events import subscriptions
from orchestra.planner.entrypoints.loops import loops
from orchestra.planner.settings import PlannerSettings


async def wire(room: Room[PlanningWork, PlannerSettings]) -> None:
    room.loops.extend(loops(room.database))


service = Service(
    name="planner",
    settings=PlannerSettings,
    work=PlanningWork,
    metadata=metadata,
    migrations="orchestra.planner.migrations",
    subscriptions=subscriptions,
    routers=(http.router,),
    refusals={
        errors.UnknownProject: 404,
        errors.UnknownPlan: 404,
        errors.ProjectExists: 409,
        errors.ProjectArchived: 409,
        errors.HashMismatch: 409,
        errors.PlanNotProposed: 409,
        errors.PlanMade: 409,
        errors.PlanOvertaken: 409,
        errors.NoStandingPlan: 404,
        errors.InvalidEdits: 422,
    },
    bindings=catalog.bindings(),
    wire=wire,
)
