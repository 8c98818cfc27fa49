"""Tools of servers that speak MCP, as an agent is given them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestra.chassis.telemetry.logging import logger
from orchestra.executor.adapters.agents.servers.access import Access, Overdue, ServerFault
from orchestra.executor.adapters.agents.servers.known import KnownServers
from orchestra.executor.adapters.agents.servers.lines import Lines
from orchestra.executor.adapters.models.vault import CannotOpen
from orchestra.executor.application.agents.ports import Assignment, NoTool, Tool, ToolAway, ToolLost
from orchestra.executor.application.models.ports import Health
from orchestra.executor.domain.agents.calls import ToolResult, ToolSpec
from orchestra.executor.domain.agents.server_tools import MCP, ServerTool, offer, wanted_of
from orchestra.executor.domain.agents.texts import cut, plain

SHOWN = 5
"""Of the tools that are left out; a server may have thousands."""

log = logger("tool servers")


@dataclass(frozen=True)
class McpTool:
    offered: ServerTool
    access: Access
    lines: Lines
    owner: str

    @property
    def spec(self) -> ToolSpec:
        return self.offered.spec

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        del arguments  # the server judges them
        return None

    def summary(self, arguments: Mapping[str, Any]) -> str:
        told = ", ".join(f"{name}: {plain(repr(value), 500)}" for name, value in arguments.items())
        return cut(f"call {self.spec.known_as} ({told})", 2_000)

    async def perform(self, arguments: Mapping[str, Any], key: str) -> ToolResult:
        del key  # the protocol has no place for it
        again = self.spec.effect == "none" or self.spec.repeatable
        try:
            return await self.lines.call(self.access, self.owner, self.offered.tool, dict(arguments))
        except ServerFault as fault:
            if again or fault.served == "no":
                raise away(self.access, str(fault)) from fault
            raise ToolLost(f"{self.spec.known_as}: {fault}, and it may have done what was asked.") from fault
        except Overdue as overdue:
            if again:
                return ToolResult(f"The server did not answer in time: {overdue}.", failed=True)
            raise ToolLost(f"{self.spec.known_as}: {overdue}, and it may have done what was asked.") from overdue

    async def look_up(self, key: str) -> ToolResult | None:
        """The protocol has no way to ask."""
        del key
        return None


@dataclass(frozen=True)
class McpToolbox:
    known: KnownServers
    lines: Lines
    seen: Callable[[str], Health | None]
    """How one of the operator's servers was when it was last looked at."""

    async def tools(self, assignment: Assignment, wanted: Sequence[str]) -> Sequence[Tool]:
        """Of all servers at once, so that no two tools of a task are called the same."""
        found: dict[str, Tool] = {}
        for server, names in sorted(wanted_of(wanted).items()):
            for tool in await self._of(assignment, server, names):
                if tool.spec.name in found:
                    log.warning(
                        "a tool is left out", server=server, tool=ascii(tool.spec.name), why="its name is taken"
                    )
                else:
                    found[tool.spec.name] = tool
        return list(found.values())

    async def _of(self, assignment: Assignment, server: str, names: Collection[str] | None) -> Sequence[McpTool]:
        try:
            access = await self.known.access(assignment.workspace_id, assignment.project_id, server)
        except CannotOpen as sealed:
            raise ToolAway(f"{MCP}{server}", str(sealed)) from sealed
        if access is None:
            raise NoTool(f"No server of tools is called {server}: `orchestra tools set {server}` names one.")
        health = None if access.tenants else self.seen(f"{MCP}{server}")
        if health is not None and not health.ok:
            raise away(access, health.detail)
        owner = assignment.conversation
        try:
            described = await self.lines.listed(access, owner)
        except ServerFault as fault:
            if fault.refused:
                raise NoTool(f"{MCP}{server}: {fault}.") from fault
            raise away(access, str(fault)) from fault
        offered, left_out = offer(server, described, names)
        if left_out:
            log.warning("tools are left out", server=server, number=len(left_out), first=left_out[:SHOWN])
        missing = set(names or ()) - {each.tool for each in offered}
        if missing:
            raise NoTool(f"The server {server} offers no tool {', '.join(sorted(missing))} that can be used.")
        return [McpTool(each, access, self.lines, owner) for each in offered]


def away(access: Access, why: str) -> ToolAway:
    return ToolAway(f"{MCP}{access.name}", why, access.away_s)
