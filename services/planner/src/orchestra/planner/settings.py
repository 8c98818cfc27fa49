"""What the planner is told beside what every service is told."""

from functools import cached_property

from pydantic import Field

from orchestra.chassis.sealing import Sealer, SealingKeys
from orchestra.chassis.settings import ServiceSettings


class PlannerSettings(ServiceSettings):
    http_port: int = Field(default=8001, ge=0, le=65535)
    sealing_keys: SealingKeys
    """Shared with the executor: what is asked of models, and their answers, travels sealed. 32 bytes in URL-safe
    base64; several with commas between, the newest first."""

    @cached_property
    def sealer(self) -> Sealer:
        return Sealer(self.sealing_keys.get_secret_value())
