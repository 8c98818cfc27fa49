"""Settings from the environment (`ORCHESTRA_…`): complete and right at start, or every fault is told at once."""

from typing import TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "ORCHESTRA_"


class ServiceSettings(BaseSettings):
    """What every service is told."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    database_url: str = Field(pattern=r"^(postgresql\+asyncpg|sqlite\+aiosqlite)://")
    """`postgresql+asyncpg://…` or `sqlite+aiosqlite:///…`"""
    database_pool: int = Field(default=8, ge=1, le=100)
    """Connections."""
    rabbitmq_url: str | None = Field(default=None, pattern=r"^amqps?://")
    """`orchestra serve` needs it; embedded there is none."""
    redis_url: str | None = Field(default=None, pattern=r"^rediss?://")
    """Wake-ups across replicas, and live output; while it is away `/readyz` says so and work goes on."""
    http_host: str = "127.0.0.1"
    """Where to listen."""
    http_port: int = Field(default=8000, ge=0, le=65535)
    """0 takes a free one."""
    log_level: str = Field(default="info", pattern=r"^(debug|info|warning|error)$")
    """`debug`, `info`, `warning` or `error`"""
    internal_public_key: str = Field(pattern=r"^[A-Za-z0-9_-]{43}=$")
    """Ed25519, the raw 32 bytes in URL-safe base64: who the gateway is."""
    outbox_window_hours: float = Field(default=24, gt=0)
    """How long sent events are kept."""
    inbox_window_hours: float = Field(default=24 * 14, gt=0)
    """How long a repetition is known; longer than any message can stay on its way."""


S = TypeVar("S", bound=ServiceSettings)


class InvalidSettings(Exception):
    """The settings are not complete and right."""


def load(cls: type[S]) -> S:
    """Read the environment. Raises InvalidSettings that names every variable that is missing or wrong."""
    try:
        return cls()  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        lines = [f"  {PREFIX}{'__'.join(str(p) for p in e['loc']).upper()}: {e['msg']}" for e in error.errors()]
        raise InvalidSettings("settings are missing or wrong:\n" + "\n".join(lines)) from error
