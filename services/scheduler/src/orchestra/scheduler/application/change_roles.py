"""Roles of a project: declared, renamed, removed.

Invariant: names are unique, whatever their case; a role that a member has or an unfinished task needs is not removed.
"""

from dataclasses import dataclass, replace

from orchestra.contracts.ids import ProjectId, WorkspaceId
from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.project_ports import Project
from orchestra.scheduler.domain.errors import RoleExists, RoleInUse, UnknownRole


@dataclass(frozen=True)
class Role:
    name: str
    members: tuple[str, ...]
    """Keys of those who have it."""
    tasks: tuple[str, ...]
    """Keys of the unfinished tasks that need it."""


async def list_roles(work: SchedulingWork, project: Project) -> list[Role]:
    """By name: those declared, and those that members have or unfinished tasks need."""
    members = await work.members.of_project(project.workspace_id, project.id)
    needed = await work.roles.needed(project)
    names = {*await work.roles.declared(project), *needed, *(role for member in members for role in member.roles)}
    return [
        Role(name, tuple(m.key for m in members if name in m.roles), tuple(needed.get(name, ())))
        for name in sorted(names)
    ]


async def add_role(work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, name: str) -> Role:
    """Raises RoleExists."""
    project = await work.projects.hold(workspace_id, project_id)
    _free(await list_roles(work, project), name)
    await work.roles.declare(project, name)
    return Role(name, (), ())


async def rename_role(
    work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, name: str, new_name: str
) -> Role:
    """The members who have it have it under the new name. Raises UnknownRole, RoleExists, and RoleInUse when tasks
    need it: the approved plan names it, and only a new version of the plan can name another.
    """
    project = await work.projects.hold(workspace_id, project_id)
    roles = await list_roles(work, project)
    role = _find(roles, name)
    _free([each for each in roles if each.name != name], new_name)
    if role.tasks:
        raise RoleInUse(name, f"the plan's tasks {', '.join(role.tasks)} need it by this name")
    for member in await work.members.of_project(workspace_id, project_id):
        if name in member.roles:
            await work.members.put(project, replace(member, roles=member.roles - {name} | {new_name}))
    if name in await work.roles.declared(project):
        await work.roles.forget(project, name)
    await work.roles.declare(project, new_name)
    work.projects.mark_stale([(workspace_id, project_id)], f"the role {name} is called {new_name}")
    work.wake("recalculation")
    return Role(new_name, role.members, ())


async def remove_role(work: SchedulingWork, workspace_id: WorkspaceId, project_id: ProjectId, name: str) -> None:
    """Raises UnknownRole, RoleInUse."""
    project = await work.projects.hold(workspace_id, project_id)
    role = _find(await list_roles(work, project), name)
    users = [f"members {', '.join(role.members)}"] if role.members else []
    users += [f"tasks {', '.join(role.tasks)}"] if role.tasks else []
    if users:
        raise RoleInUse(name, *users)
    await work.roles.forget(project, name)


def _find(roles: list[Role], name: str) -> Role:
    for role in roles:
        if role.name == name:
            return role
    raise UnknownRole(name)


def _free(roles: list[Role], name: str) -> None:
    for role in roles:
        if role.name.casefold() == name.casefold():
            raise RoleExists(role.name)
