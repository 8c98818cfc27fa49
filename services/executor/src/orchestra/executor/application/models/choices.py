"""The model that a project has chosen for whatever is asked on its behalf."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.application.models.ports import Caller


@dataclass(frozen=True)
class ChosenModel:
    choice: str
    """A model's name or a tier."""
    set_at: datetime


class ProjectModels(Protocol):
    async def put(self, workspace_id: WorkspaceId, project_id: ProjectId, chosen: ChosenModel) -> None:
        """In place of one that is there."""
        ...

    async def find(self, workspace_id: WorkspaceId, project_id: ProjectId) -> ChosenModel | None: ...

    async def remove(self, workspace_id: WorkspaceId, project_id: ProjectId) -> bool:
        """Whether there was one."""
        ...


class ChoosingWork(Protocol):
    @property
    def now(self) -> datetime: ...

    @property
    def project_models(self) -> ProjectModels: ...


class Choices(Protocol):
    """For whoever asks models."""

    async def of(self, caller: Caller) -> str | None:
        """What the caller's project has chosen; it may be configured no more."""
        ...
