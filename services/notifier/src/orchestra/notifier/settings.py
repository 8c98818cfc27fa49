"""What the notifier is told."""

from pydantic import Field

from orchestra.chassis.settings import ServiceSettings


class NotifierSettings(ServiceSettings):
    http_port: int = Field(default=8004, ge=0, le=65535)
    webhook_timeout_s: float = Field(default=15, gt=0, le=30)
    """Seconds from the connection to the answer's status."""
    webhook_slots: int = Field(default=32, ge=1, le=1000)
    """Webhooks being sent at the same time."""
    delivery_window_days: float = Field(default=30, gt=14)
    """How long a delivery that ended is kept. Longer than an event can be repeated: see `inbox_window_hours`."""
