"""What the scheduler is told."""

from pydantic import Field

from orchestra.chassis.settings import ServiceSettings


class SchedulerSettings(ServiceSettings):
    http_port: int = Field(default=8002, ge=0, le=65535)
    back_off_seconds: float = Field(default=5.0, gt=0, le=120)
    """Before the first further try of a failed command; each next pause is twice as long, at most 120."""
