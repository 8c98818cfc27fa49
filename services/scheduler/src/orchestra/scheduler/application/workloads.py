"""The workload of everybody who can have one."""

from collections import defaultdict
from dataclasses import dataclass

from orchestra.scheduler.application.ports import SchedulingWork
from orchestra.scheduler.application.project_ports import Project
from orchestra.scheduler.domain.people.member import Member
from orchestra.scheduler.domain.people.workload import Workload, workload
from orchestra.scheduler.domain.work.task import Task


@dataclass(frozen=True)
class Burden:
    member: Member
    workload: Workload
    tasks: tuple[Task, ...]
    """In hand: assigned, running, in review or waiting."""


async def workloads(view: SchedulingWork, project: Project) -> list[Burden]:
    """Of the people of a project who may take tasks, by key."""
    members = await view.members.of_project(project.workspace_id, project.id)
    people = [member for member in members if member.kind == "person" and not member.is_manager]
    in_hand: defaultdict[str, list[Task]] = defaultdict(list)
    for task in await view.tasks.carried_by([member.id for member in people]):
        in_hand[task.assignee or ""].append(task)
    return [
        Burden(m, workload(m, [t.need for t in in_hand[m.id]], project.calendar), tuple(in_hand[m.id])) for m in people
    ]
