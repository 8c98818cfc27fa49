"""An API key that opens nothing any more."""

from orchestra.gateway.application.ports import Requester, Unit
from orchestra.gateway.domain.errors import UnknownApiKey


async def revoke_api_key(work: Unit, key_id: str, requester: Requester) -> None:
    """Revoking it again changes nothing. Raises UnknownApiKey."""
    if not await work.keys.revoke(requester.workspace_id, key_id):
        raise UnknownApiKey
