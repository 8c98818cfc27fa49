"""The first start: a workspace, and a key with every grant to begin with."""

from dataclasses import dataclass

from orchestra.chassis.ids import new_id
from orchestra.contracts.ids import WorkspaceId
from orchestra.gateway.application.create_api_key import create_api_key, new_credential
from orchestra.gateway.application.ports import Unit
from orchestra.gateway.domain.api_key import GRANTS, Credential
from orchestra.gateway.domain.errors import KeyTaken

DEFAULT_WORKSPACE = "default"


@dataclass(frozen=True)
class Installer:
    """Whoever starts the gateway for the first time."""

    workspace_id: WorkspaceId
    subject: str = "bootstrap"
    grants: tuple[str, ...] = GRANTS


async def bootstrap(work: Unit, environment: str, given: Credential | None) -> Credential | None:
    """The credential to show, where one was made: only at the first start, and only where none was given.

    A given one is a key from the first start that brings it; if it was revoked it stays so.
    Raises KeyTaken when its id belongs to a key with another secret.
    """
    first = await work.workspaces.add(new_id("wsp"), DEFAULT_WORKSPACE)
    if given is None and not first:
        return None
    credential = given or new_credential(environment)
    known = await work.keys.find(credential.id)
    if known is None:
        installer = Installer(await work.workspaces.id_of(DEFAULT_WORKSPACE))
        await create_api_key(work, credential, name="bootstrap", grants=GRANTS, expires_at=None, requester=installer)
    elif known.digest != credential.digest:
        raise KeyTaken("The id of the bootstrap key belongs to a key with another secret.")
    return None if given else credential
