"""What the notifier is told."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode

from orchestra.chassis.http.addresses import Networks
from orchestra.chassis.settings import ServiceSettings
from orchestra.notifier.domain.address import ADDRESS


def _keys(value: Any) -> Any:
    from orchestra.notifier.adapters.vault import read_keys

    return read_keys(value) if isinstance(value, str) and value else value or {}


class NotifierSettings(ServiceSettings):
    http_port: int = Field(default=8004, ge=0, le=65535)
    webhook_timeout_s: float = Field(default=15, gt=0, le=30)
    """Seconds from the connection to the answer's status."""
    webhook_slots: int = Field(default=32, ge=1, le=1000)
    """Webhooks being sent at the same time."""
    webhook_allowed_networks: Networks = ()
    """Networks besides the public ones that webhooks may go to, by plain http too: `127.0.0.0/8,::1/128`."""
    webhook_secret_keys: Annotated[Mapping[str, bytes], NoDecode, BeforeValidator(_keys)] = Field(
        default_factory=dict[str, bytes], repr=False
    )
    """`<version>:<base64 of 32 bytes>`, the newest first: seals the secrets of webhooks. Without it they are open."""
    smtp_host: str | None = Field(default=None, min_length=1)
    """Without one no mail is sent."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    """`tls` from the first byte (port 465, as a rule); `none` for a server on this machine only."""
    smtp_ca_file: Path | None = None
    """Authorities for the server's certificate, in place of the machine's."""
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_from: str | None = Field(default=None, max_length=254, pattern=ADDRESS)
    """The sender's address. Answers and wishes to unsubscribe go there."""
    smtp_timeout_s: float = Field(default=30, gt=0, le=50)
    """Seconds for a mail, from the connection to the server's last word."""
    mail_slots: int = Field(default=8, ge=1, le=100)
    """Mails being sent at the same time."""
    public_url: str | None = Field(default=None, pattern=r"^https?://[^\s<>\"]+$")
    """Where people reach the gateway: mails link to runs there."""
    delivery_window_days: float = Field(default=30, gt=14)
    """How long a delivery that ended is kept. Longer than an event can be repeated: see `inbox_window_hours`."""

    @model_validator(mode="after")
    def _mail_is_complete(self) -> Self:
        if self.smtp_host is None:
            return self
        if self.smtp_from is None:
            raise ValueError("ORCHESTRA_SMTP_HOST needs ORCHESTRA_SMTP_FROM")
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise ValueError("ORCHESTRA_SMTP_USER and ORCHESTRA_SMTP_PASSWORD belong together")
        if self.smtp_security == "none" and not _is_this_machine(self.smtp_host):
            raise ValueError("ORCHESTRA_SMTP_SECURITY=none is for a server on this machine")
        return self


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
