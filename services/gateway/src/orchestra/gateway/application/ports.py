"""What the use cases need: repositories over one unit of work, and questions to other services."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from orchestra.contracts.event import Event
from orchestra.contracts.ids import PlanId, ProjectId, RunId, WorkspaceId
from orchestra.contracts.planning import Fault, TaskRequest, TeamMember
from orchestra.gateway.domain.api_key import ApiKey
from orchestra.gateway.domain.door import BrokerUser, InboundMessage, Stamp
from orchestra.gateway.domain.feed import FeedItem
from orchestra.gateway.domain.operation import Operation, OperationStatus
from orchestra.gateway.domain.plan_request import Project


class Requester(Protocol):
    """Who asks; the workspace and the grants come from the credential alone."""

    @property
    def subject(self) -> str: ...
    @property
    def workspace_id(self) -> WorkspaceId: ...
    @property
    def grants(self) -> tuple[str, ...]: ...


class Workspaces(Protocol):
    async def add(self, workspace_id: WorkspaceId, name: str) -> bool:
        """False, and nothing done, where one of this name exists."""
        ...

    async def id_of(self, name: str) -> WorkspaceId: ...


class Keys(Protocol):
    async def add(self, key: ApiKey) -> bool:
        """False, and nothing done, where its id is taken."""
        ...

    async def find(self, key_id: str) -> ApiKey | None:
        """Whatever its workspace: a credential says only its id."""
        ...

    async def revoke(self, workspace_id: WorkspaceId, key_id: str) -> bool:
        """False where the workspace has no such key."""
        ...


class Operations(Protocol):
    async def add(self, operation: Operation) -> None: ...

    async def settle(self, plan_id: PlanId, status: OperationStatus) -> None:
        """Does nothing where no operation is under way for this plan."""
        ...


class Feed(Protocol):
    async def head(self, workspace_id: WorkspaceId) -> int:
        """The last sequence given, held for this transaction. Raises UnknownWorkspace."""
        ...

    async def append(self, workspace_id: WorkspaceId, items: Sequence[FeedItem]) -> None:
        """`items` follow the head without a gap."""
        ...

    async def is_news(self, event: Event) -> bool:
        """Whether nothing newer of this subject has been seen; if so, this is the newest from now on."""
        ...


class BrokerUsers(Protocol):
    async def find(self, name: str) -> BrokerUser | None: ...

    async def put(self, user: BrokerUser) -> bool:
        """False, and nothing done, where the name stands for another workspace."""
        ...

    async def remove(self, workspace_id: WorkspaceId, name: str) -> bool: ...


class InboundMessages(Protocol):
    async def accepted(self, workspace_id: WorkspaceId, stamp: Stamp) -> InboundMessage | None:
        """The one with this source and id; nobody else can accept one until this transaction ends."""
        ...

    async def record(self, message: InboundMessage) -> None:
        """One row for each distinct message: a repetition of a refused one counts it and puts the new verdict."""
        ...

    def answer(self, stamp: Stamp) -> None:
        """What this transaction publishes is correlated with that message."""
        ...


class Unit(Protocol):
    """One transaction."""

    @property
    def now(self) -> datetime: ...
    @property
    def workspaces(self) -> Workspaces: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def operations(self) -> Operations: ...
    @property
    def feed(self) -> Feed: ...
    @property
    def broker_users(self) -> BrokerUsers: ...
    @property
    def inbound(self) -> InboundMessages: ...

    def publish(self, *events: Event, trace: str | None = None) -> None: ...
    def wake(self, name: str) -> None: ...


Begin = Callable[[], AbstractAsyncContextManager[Unit]]


class Projects(Protocol):
    """The planner's projects."""

    async def project(self, requester: Requester, project_id: ProjectId) -> Project:
        """Raises UnknownProject."""
        ...


class Policy(Protocol):
    """The executor's policy."""

    async def denials(self, requester: Requester, tasks: Sequence[TaskRequest]) -> list[Fault]:
        """What it forbids among the tasks' commands, with pointers into the request."""
        ...


class Teams(Protocol):
    """The scheduler's teams, with what the executor knows of their agents."""

    async def team(self, requester: Requester, project_id: ProjectId) -> tuple[TeamMember, ...]:
        """Whom work may be planned for; empty where the project has no team."""
        ...


class Runs(Protocol):
    """The scheduler's runs."""

    async def knows_run(self, requester: Requester, run_id: RunId) -> bool: ...
