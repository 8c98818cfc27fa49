"""What the scheduler is told."""

from pydantic import Field

from orchestra.chassis.settings import ServiceSettings


class SchedulerSettings(ServiceSettings):
    http_port: int = Field(default=8002, ge=0, le=65535)
    back_off_seconds: float = Field(default=5.0, gt=0, le=120)
    """Before the first further try of a failed command; each next pause is twice as long, at most 120."""
    checkpoint_escalates_hours: float = Field(default=24, ge=0, le=24 * 366)
    """After which a checkpoint that nobody has answered is asked again; 0: never."""
    checkpoint_expires_hours: float = Field(default=24 * 7, ge=0, le=24 * 366)
    """After which it expires, so that its task stays failed; 0: never."""
