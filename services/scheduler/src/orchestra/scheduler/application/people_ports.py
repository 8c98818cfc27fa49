"""What the use cases need of a database where people are concerned: members, roles, the log of tasks."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Protocol

from orchestra.contracts.ids import MemberId, ProjectId, WorkspaceId
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.domain.work.log import LogEntry

if TYPE_CHECKING:
    from orchestra.scheduler.application.project_ports import Project


class Members(Protocol):
    async def of_project(self, workspace_id: WorkspaceId, project_id: ProjectId) -> list[Member]:
        """By key; those who have left are not among them."""
        ...

    async def replace(self, project: "Project", members: Sequence[Member]) -> list[MemberId]:
        """The ids of those who have left by it."""
        ...

    async def put(self, project: "Project", member: Member) -> Member:
        """The member as given, or anew; one of this key keeps their id, even if they had left."""
        ...

    async def dismiss(self, member_ids: Sequence[MemberId]) -> None:
        """They have left."""
        ...

    async def reasons(self, project: "Project") -> dict[MemberId, dict[date, str]]:
        """Why members have their days off, where somebody has said so."""
        ...

    async def give_reasons(self, member_id: MemberId, reasons: Mapping[date, str]) -> None: ...


class Roles(Protocol):
    """Roles by name; those that members have or tasks need exist whether or not they were declared."""

    async def declared(self, project: "Project") -> list[str]: ...

    async def needed(self, project: "Project") -> dict[str, list[str]]:
        """By role, the keys of the unfinished tasks that need it, in plan order."""
        ...

    async def declare(self, project: "Project", name: str) -> None: ...

    async def forget(self, project: "Project", name: str) -> None: ...


class Log(Protocol):
    def add(self, entries: Sequence[LogEntry]) -> None:
        """The author is the caller of this transaction's command, else the service itself."""
        ...
