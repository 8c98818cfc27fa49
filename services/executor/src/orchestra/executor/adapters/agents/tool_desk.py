"""All that a running executor has of tools beyond the workspace: servers, their health, and the way to them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.http.outward import Outward
from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.executor.adapters.agents import comfyui
from orchestra.executor.adapters.agents.comfyui import Comfy, ComfySettings
from orchestra.executor.adapters.agents.fetch import FetchToolbox
from orchestra.executor.adapters.agents.images import ImageToolbox, Write
from orchestra.executor.adapters.agents.local_model import LocalModelToolbox
from orchestra.executor.adapters.agents.servers.access import Access, ServerFault
from orchestra.executor.adapters.agents.servers.known import KnownServers
from orchestra.executor.adapters.agents.servers.lines import Lines
from orchestra.executor.adapters.agents.servers.servers_file import Declared
from orchestra.executor.adapters.agents.servers.toolbox import McpToolbox
from orchestra.executor.adapters.models.health import HealthMonitor, Look
from orchestra.executor.adapters.models.vault import CannotOpen, Vault
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.application.agents.ports import Toolbox
from orchestra.executor.application.models.ports import Health, Models
from orchestra.executor.domain.agents.calls import Effect
from orchestra.executor.domain.agents.server_tools import MCP, offer
from orchestra.executor.domain.errors import UnknownToolServer
from orchestra.executor.domain.models.routing import Routes
from orchestra.executor.domain.policy import Policy


@dataclass(frozen=True)
class ServerView:
    """A server of the operator's, as anybody may see it: neither its address nor its program."""

    name: str
    available: bool
    detail: str


@dataclass(frozen=True)
class ToolView:
    name: str
    """As plans call it."""
    description: str
    effect: Effect
    repeatable: bool


@dataclass(frozen=True)
class Tried:
    """What came of asking a server for its tools."""

    ok: bool
    detail: str
    tools: Sequence[ToolView] = ()
    left_out: Sequence[str] = ()


@dataclass(frozen=True)
class Ways:
    """How the tools reach out of the process."""

    policy: Policy
    pages: Outward
    """For `fetch`: public addresses, and the networks of the policy."""
    projects: Outward
    """For servers whose address a project chose."""

    def close(self) -> None:
        self.pages.close()
        self.projects.close()


class ToolDesk:
    def __init__(self, database: Database[ExecutorWork], declared: Declared, vault: Vault | None, ways: Ways) -> None:
        self.vault = vault
        self.ways = ways
        self.known = KnownServers(database, declared, vault)
        self._declared = declared
        self._lines = Lines(ways.projects)
        self.monitor = HealthMonitor(_looks(declared, self._lines))

    def toolboxes(self, models: Callable[[], Awaitable[Models]], routes: Routes, write: Write) -> Sequence[Toolbox]:
        """Where an agent's tools beyond the workspace come from. `models` opens what answers, `write` writes a file of
        an attempt's workspace."""
        seen = self.monitor.seen
        return (
            FetchToolbox(self.ways.policy, self.ways.pages),
            LocalModelToolbox(models, routes),
            ImageToolbox(self._declared.comfyui, self.ways.policy, write, seen),
            McpToolbox(self.known, self._lines, seen),
        )

    def views(self) -> Sequence[ServerView]:
        """The operator's servers, and ComfyUI where there is one."""
        names = [f"{MCP}{name}" for name in sorted(self._declared.servers)]
        if self._declared.comfyui is not None:
            names.append(comfyui.NAME)
        return [self._view(name) for name in names]

    def _view(self, name: str) -> ServerView:
        seen = self.monitor.seen(name)
        return ServerView(name, seen is None or seen.ok, seen.detail if seen else "not asked yet")

    async def try_out(self, workspace_id: WorkspaceId, project_id: ProjectId, name: str) -> Tried:
        """Raises UnknownToolServer."""
        try:
            access = await self.known.access(workspace_id, project_id, name)
        except CannotOpen as sealed:
            return Tried(False, str(sealed))
        if access is None:
            raise UnknownToolServer(name)
        try:
            described = await self._lines.look(access)
        except ServerFault as fault:
            return Tried(False, str(fault))
        offered, left_out = offer(name, described, None)
        specs = [each.spec for each in offered]
        views = [ToolView(spec.known_as, spec.description, spec.effect, spec.repeatable) for spec in specs]
        return Tried(True, f"it answers; {len(views)} tools", views, left_out)

    async def close(self) -> None:
        await self._lines.close()
        self.ways.close()


def _looks(declared: Declared, lines: Lines) -> Mapping[str, Look]:
    looks: dict[str, Look] = {
        f"{MCP}{name}": partial(_look, lines, access) for name, access in declared.servers.items()
    }
    if declared.comfyui is not None:
        looks[comfyui.NAME] = partial(_look_at_comfyui, declared.comfyui)
    return looks


async def _look(lines: Lines, access: Access) -> Health:
    """An address is asked for its tools. A program is only looked for: to start it each time would cost too much."""
    name = f"{MCP}{access.name}"
    if access.command:
        found = await asyncio.to_thread(Path(access.command[0]).is_file)
        return Health(name, found, "its program is there" if found else "its program is gone")
    try:
        await lines.look(access)
    except ServerFault as fault:
        return Health(name, False, str(fault))
    return Health(name, True, "it answers")


async def _look_at_comfyui(settings: ComfySettings) -> Health:
    async with Comfy.open(settings) as asked:
        return await asked.look()
