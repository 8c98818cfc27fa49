"""A new API key. Its credential is returned once and kept nowhere."""

import secrets
from datetime import datetime

from orchestra.chassis.ids import new_id
from orchestra.gateway.application.ports import Requester, Unit
from orchestra.gateway.domain.api_key import ApiKey, Credential, check_handed_on
from orchestra.gateway.domain.errors import KeyTaken


def new_credential(environment: str) -> Credential:
    return Credential(environment, new_id("key"), secrets.token_urlsafe(32))


async def create_api_key(
    work: Unit,
    credential: Credential,
    *,
    name: str,
    grants: tuple[str, ...],
    expires_at: datetime | None,
    requester: Requester,
) -> ApiKey:
    """Raises GrantNotHeld, KeyTaken."""
    check_handed_on(grants, requester.grants)
    key = ApiKey(
        id=credential.id,
        workspace_id=requester.workspace_id,
        name=name,
        grants=grants,
        digest=credential.digest,
        created_at=work.now,
        expires_at=expires_at,
    )
    if not await work.keys.add(key):
        raise KeyTaken
    return key
