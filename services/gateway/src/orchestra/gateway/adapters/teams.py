"""Teams as whoever plans has to know them: the scheduler's members, with what the executor knows of their agents."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestra.contracts.ids import ProjectId
from orchestra.contracts.machine_work import AGENT_TOOLS, AgentRequest
from orchestra.contracts.planning import TaskRequest, TeamMember
from orchestra.gateway.adapters.services import Services, segment
from orchestra.gateway.application.ports import Requester

ANY = "any"
"""In place of an agent's name: whichever fits."""

_AGENTS_TASK = TaskRequest(id="any", title="", agent=AgentRequest())
"""What the policy must allow before anything is planned for an agent."""

MOST = 100
"""Roles of a member, and words for what agents are good at, that are told; and their characters."""

Json = Mapping[str, Any]


class HttpTeams:
    def __init__(self, services: Services) -> None:
        self._services = services

    async def team(self, requester: Requester, project_id: ProjectId) -> tuple[TeamMember, ...]:
        """Raises Unavailable."""
        found = await self._services.look_up("scheduler", requester, f"/projects/{segment(project_id)}/team")
        members: list[Json] = [each for each in (found or {}).get("members", ()) if not each["manager"]]
        known: Sequence[Json] = ()
        if any(each["agent"] for each in members) and not await self._services.denials(requester, [_AGENTS_TASK]):
            known = await self._services.all("executor", requester, "/agents")
        return tuple(dict.fromkeys(told for each in members if (told := member(each, known)) is not None))


def member(written: Json, agents: Iterable[Json]) -> TeamMember | None:
    """A member as the scheduler has them, with the executor's agents; None: nothing can be planned for them.

    Of `any` all is told that one agent or another does: which one that will be is found when the work begins.
    """
    roles = _together([[role for role in written["roles"] if len(role) <= MOST]])[:MOST]
    if written["kind"] == "person":
        return TeamMember(roles=roles)
    name = written["agent"]
    able = [each for each in agents if name in (ANY, each["name"]) and each["state"] != "retired"]
    if not name or not able:
        return None
    return TeamMember(
        roles=roles,
        kinds=_together(each["kinds"] for each in able),
        tools=_together(_tools(each["tools"]) for each in able),
        capabilities=_together(each["capabilities"] for each in able)[:MOST],
    )


def _tools(named: Iterable[str] | None) -> Iterable[str]:
    """None: all. Those of servers are left out."""
    return AGENT_TOOLS if named is None else AGENT_TOOLS.intersection(named)


def _together(lists: Iterable[Iterable[Any]]) -> tuple[Any, ...]:
    return tuple(sorted({each for items in lists for each in items}))
