"""The inbound door: who of the broker's users stands for which workspace, and what they may ask there.

The broker vouches for the user. Everything else comes from the mapping: a workspace named in the body proves nothing.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from orchestra.contracts.ids import PlanId, ProjectId, WorkspaceId
from orchestra.gateway.domain.errors import Refused

PLAN_REQUESTED = "plan.requested.v1"

Verdict = Literal["accepted", "refused"]


@dataclass(frozen=True)
class BrokerUser:
    """A user of the broker that may come in: for one workspace, with these kinds."""

    name: str
    workspace_id: WorkspaceId
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Arrival:
    """A message at the door, as the broker hands it over."""

    user: str | None
    routing_key: str
    body: bytes

    @property
    def fingerprint(self) -> str:
        """The same for the same message, so that a repetition makes no second row."""
        head = f"{self.user or ''}\n{self.routing_key}\n"
        return hashlib.sha256(head.encode() + self.body).hexdigest()


@dataclass(frozen=True)
class Stamp:
    """What a message says of itself in its CloudEvents attributes; empty where it could not be read."""

    source: str = ""
    event_id: str = ""
    kind: str = ""


@dataclass(frozen=True)
class InboundMessage:
    """What became of a message. `workspace_id` is None when its user stands for none."""

    id: str
    workspace_id: WorkspaceId | None
    user: str | None
    routing_key: str
    fingerprint: str
    stamp: Stamp
    verdict: Verdict
    reason: str | None
    detail: str | None
    plan_id: PlanId | None
    at: datetime
    times: int = 1
    """How often the very same message came; one that was accepted is counted once."""


def check_user(arrival: Arrival, user: BrokerUser | None) -> BrokerUser:
    """Who came in. Raises Refused."""
    if arrival.user is None:
        raise Refused("anonymous", "The message carries no user_id, so the broker vouches for nobody.")
    if user is None:
        raise Refused("unknown-user", f"The broker user {arrival.user} stands for no workspace.")
    return user


def check_kind(arrival: Arrival, stamp: Stamp, user: BrokerUser) -> None:
    """Raises Refused where the user may not say this, or says it under another routing key."""
    if stamp.kind not in user.kinds:
        raise Refused("unauthorised-type", f"{user.name} may not publish {stamp.kind}.")
    if stamp.kind != arrival.routing_key:
        raise Refused("unauthorised-type", f"A {stamp.kind} came with the routing key {arrival.routing_key}.")


def check_workspace(named: Collection[str | None], user: BrokerUser) -> None:
    """`named` are the workspaces that the message itself names, where it does. Raises Refused."""
    if any(name and name != user.workspace_id for name in named):
        raise Refused("forged-workspace", f"The message names a workspace that {user.name} does not stand for.")


def project_id_by_name(workspace_id: WorkspaceId, name: str) -> ProjectId:
    """The project that a workspace's outside systems mean by a name: the same one each time."""
    return "prj_" + hashlib.sha256(f"{workspace_id}\n{name}".encode()).hexdigest()[:32]
