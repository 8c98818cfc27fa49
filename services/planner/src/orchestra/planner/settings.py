"""The planner's settings."""

from orchestra.chassis.settings import ServiceSettings


class PlannerSettings(ServiceSettings):
    """What every service is told is all that the planner needs."""
