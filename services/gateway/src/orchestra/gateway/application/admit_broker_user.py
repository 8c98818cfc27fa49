"""Which broker user stands for which workspace at the inbound door."""

from orchestra.gateway.application.ports import Requester, Unit
from orchestra.gateway.domain.door import BrokerUser
from orchestra.gateway.domain.errors import BrokerUserTaken, UnknownBrokerUser


async def admit_broker_user(work: Unit, name: str, kinds: tuple[str, ...], requester: Requester) -> BrokerUser:
    """Let the user in for the requester's workspace, with these kinds. Raises BrokerUserTaken."""
    user = BrokerUser(name, requester.workspace_id, tuple(sorted(set(kinds))))
    if not await work.broker_users.put(user):
        raise BrokerUserTaken
    return user


async def dismiss_broker_user(work: Unit, name: str, requester: Requester) -> None:
    """What the user publishes from now on is refused. Raises UnknownBrokerUser."""
    if not await work.broker_users.remove(requester.workspace_id, name):
        raise UnknownBrokerUser
