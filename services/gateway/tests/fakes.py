"""Fakes of the gateway's ports: dictionaries, and nothing else."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from orchestra.contracts.event import Event
from orchestra.contracts.planning import Fault, PlanRequested, TaskRequest, TeamMember
from orchestra.gateway.application.ports import Requester
from orchestra.gateway.domain.api_key import ApiKey
from orchestra.gateway.domain.door import BrokerUser, InboundMessage, Stamp
from orchestra.gateway.domain.errors import UnknownProject, UnknownWorkspace
from orchestra.gateway.domain.feed import FeedItem
from orchestra.gateway.domain.operation import Operation, OperationStatus
from orchestra.gateway.domain.plan_request import Project

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


class FakeWorkspaces(dict[str, str]):
    async def add(self, workspace_id: str, name: str) -> bool:
        return self.setdefault(name, workspace_id) == workspace_id

    async def id_of(self, name: str) -> str:
        return self[name]


class FakeKeys(dict[str, ApiKey]):
    async def add(self, key: ApiKey) -> bool:
        return self.setdefault(key.id, key) is key

    async def find(self, key_id: str) -> ApiKey | None:
        return self.get(key_id)

    async def revoke(self, workspace_id: str, key_id: str) -> bool:
        key = self.get(key_id)
        if key is None or key.workspace_id != workspace_id:
            return False
        self[key_id] = replace(key, revoked_at=key.revoked_at or NOW)
        return True


class FakeOperations(dict[str, Operation]):
    async def add(self, operation: Operation) -> None:
        self[operation.plan_id] = operation

    async def settle(self, plan_id: str, status: OperationStatus) -> None:
        if (found := self.get(plan_id)) and found.status == "accepted":
            self[plan_id] = replace(found, status=status, ended_at=NOW)


class FakeFeed(dict[str, list[FeedItem]]):
    def __init__(self, *workspaces: str) -> None:
        super().__init__({workspace: [] for workspace in workspaces})
        self.held: list[str] = []
        self._newest: dict[str, int] = {}

    async def head(self, workspace_id: str) -> int:
        if workspace_id not in self:
            raise UnknownWorkspace
        self.held.append(workspace_id)
        return len(self[workspace_id])

    async def append(self, workspace_id: str, items: Sequence[FeedItem]) -> None:
        self[workspace_id] += items

    async def is_news(self, event: Event) -> bool:
        if event.sequence <= self._newest.get(event.subject, 0):
            return False
        self._newest[event.subject] = event.sequence
        return True


class FakeBrokerUsers(dict[str, BrokerUser]):
    async def find(self, name: str) -> BrokerUser | None:
        return self.get(name)

    async def put(self, user: BrokerUser) -> bool:
        if self.get(user.name, user).workspace_id != user.workspace_id:
            return False
        self[user.name] = user
        return True

    async def remove(self, workspace_id: str, name: str) -> bool:
        return name in self and self[name].workspace_id == workspace_id and bool(self.pop(name))


class FakeInboundMessages(list[InboundMessage]):
    async def accepted(self, workspace_id: str, stamp: Stamp) -> InboundMessage | None:
        mine = [
            m for m in self if (m.verdict, m.workspace_id, m.stamp.source) == ("accepted", workspace_id, stamp.source)
        ]
        return next((m for m in mine if m.stamp.event_id == stamp.event_id), None)

    async def record(self, message: InboundMessage) -> None:
        self.append(message)

    def answer(self, stamp: Stamp) -> None:
        self.answered = stamp


@dataclass
class FakeUnit:
    """One unit of work after the other on the same dictionaries."""

    now: datetime = NOW
    workspaces: FakeWorkspaces = field(default_factory=FakeWorkspaces)
    keys: FakeKeys = field(default_factory=FakeKeys)
    operations: FakeOperations = field(default_factory=FakeOperations)
    feed: FakeFeed = field(default_factory=FakeFeed)
    broker_users: FakeBrokerUsers = field(default_factory=FakeBrokerUsers)
    inbound: FakeInboundMessages = field(default_factory=FakeInboundMessages)
    published: list[Event] = field(default_factory=list[Event])
    woken: list[str] = field(default_factory=list[str])

    def publish(self, *events: Event, trace: str | None = None) -> None:
        self.published += events

    def wake(self, name: str) -> None:
        self.woken.append(name)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator["FakeUnit"]:
        yield self

    @property
    def plan_requests(self) -> list[PlanRequested]:
        """As the planner reads them."""
        texts = [event.to_json() for event in self.published if isinstance(event, PlanRequested)]
        return [PlanRequested.model_validate_json(text) for text in texts]


@dataclass
class FakeServices:
    """The planner's projects, the executor's policy, and one team for all projects."""

    projects: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    forbidden: frozenset[str] = frozenset()
    members: tuple[TeamMember, ...] = ()

    async def project(self, requester: Requester, project_id: str) -> Project:
        name = self.projects.get((requester.workspace_id, project_id))
        if name is None:
            raise UnknownProject
        return Project(project_id, name)

    async def denials(self, requester: Requester, tasks: Sequence[TaskRequest]) -> list[Fault]:
        return [
            Fault(pointer=f"/tasks/{at}/command", code="tool-not-allowed", detail=f"{tool} is not allowed.")
            for at, task in enumerate(tasks)
            if task.command
            for tool in self.forbidden & {task.command.argv[0]}
        ]

    async def team(self, requester: Requester, project_id: str) -> tuple[TeamMember, ...]:
        return self.members
