"""What the gateway is told beside what every service is told."""

from typing import Self

from pydantic import Field, model_validator

from orchestra.chassis.http.identity import TokenSigner
from orchestra.chassis.settings import ServiceSettings
from orchestra.gateway.domain.api_key import CREDENTIAL

URL = r"^https?://"


class GatewaySettings(ServiceSettings):
    internal_private_key: str = Field(min_length=40)
    """Ed25519, the raw 32 bytes in URL-safe base64; its public half is `internal_public_key`."""
    planner_url: str = Field(default="http://127.0.0.1:8001", pattern=URL)
    """Where the planner answers."""
    scheduler_url: str = Field(default="http://127.0.0.1:8002", pattern=URL)
    """Where the scheduler answers."""
    executor_url: str = Field(default="http://127.0.0.1:8003", pattern=URL)
    """Where the executor answers."""
    notifier_url: str = Field(default="http://127.0.0.1:8004", pattern=URL)
    """Where the notifier answers."""
    environment: str = Field(default="local", pattern=r"^[a-z0-9-]{1,20}$")
    """Stands in every API key made here, so that people see where a key belongs."""
    bootstrap_key: str | None = Field(default=None, pattern=CREDENTIAL.pattern)
    """`ork_<env>_<id>_<secret>`, a key with every grant; without one the first start makes and prints it."""
    stream_heartbeat_s: float = Field(default=15.0, gt=0, le=300)
    """Seconds between two heartbeats of an event stream."""

    @model_validator(mode="after")
    def _keys_belong_together(self) -> Self:
        try:
            public = TokenSigner(self.internal_private_key).public_key
        except ValueError as error:
            raise ValueError(f"internal_private_key is no Ed25519 key: {error}") from error
        if public != self.internal_public_key:
            raise ValueError("internal_public_key is not the public half of internal_private_key")
        return self
