"""What the planner is told beside what every service is told."""

from pydantic import Field

from orchestra.chassis.settings import ServiceSettings


class PlannerSettings(ServiceSettings):
    http_port: int = Field(default=8001, ge=0, le=65535)
