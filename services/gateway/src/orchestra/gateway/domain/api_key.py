"""API keys: `ork_<env>_<id>_<secret>`. The secret is shown once; only its SHA-256 is kept."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime

from orchestra.contracts.ids import WorkspaceId
from orchestra.gateway.domain.errors import GrantNotHeld, KeyRefused

GRANTS = ("read", "write", "operator", "admin")
"""Read; change; see and replay what failed; keys, broker users and budgets. None includes another."""

CREDENTIAL = re.compile(r"^ork_([a-z0-9-]{1,20})_([0-9a-z]{1,60})_([0-9A-Za-z_-]{32,128})$")


@dataclass(frozen=True)
class Credential:
    """An API key as its holder knows it."""

    environment: str
    id: str
    secret: str

    @staticmethod
    def parse(text: str) -> "Credential":
        match = CREDENTIAL.fullmatch(text)
        if match is None:
            raise KeyRefused
        environment, name, secret = match.groups()
        return Credential(environment, f"key_{name}", secret)

    @property
    def text(self) -> str:
        return f"ork_{self.environment}_{self.id.removeprefix('key_')}_{self.secret}"

    @property
    def digest(self) -> str:
        # A plain hash is enough: the secret is long and random, so there is nothing to guess.
        return hashlib.sha256(self.secret.encode()).hexdigest()


@dataclass(frozen=True)
class ApiKey:
    """An API key as it is kept."""

    id: str
    workspace_id: WorkspaceId
    name: str
    grants: tuple[str, ...]
    digest: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


def check_credential(credential: Credential, key: ApiKey | None, now: datetime) -> ApiKey:
    """The key that the credential proves. Raises KeyRefused, which does not say what was wrong."""
    known = key.digest if key else "0" * 64
    if not hmac.compare_digest(known, credential.digest) or key is None:
        raise KeyRefused
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= now):
        raise KeyRefused
    return key


def check_handed_on(wanted: tuple[str, ...], held: tuple[str, ...]) -> None:
    """Raises GrantNotHeld: a key cannot make a mightier one."""
    missing = [grant for grant in wanted if grant not in held]
    if missing:
        raise GrantNotHeld(f"You do not hold the grant {missing[0]} yourself.")
