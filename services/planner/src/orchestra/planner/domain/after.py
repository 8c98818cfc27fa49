"""What a task comes after: names, and dependencies with more to say."""

from collections.abc import Mapping
from typing import TypeVar

from orchestra.contracts.planning import AfterRequest, TaskRequest

T = TypeVar("T")


def links(task: TaskRequest) -> tuple[AfterRequest, ...]:
    """Each in the long form, in the order in which they are given."""
    return tuple(AfterRequest(task=each) if isinstance(each, str) else each for each in task.after)


def names(task: TaskRequest) -> list[str]:
    """Of the tasks that it comes after, one for each dependency."""
    return list(map(name_of, task.after))


def short(task: TaskRequest) -> TaskRequest:
    """The same task; what is finish to start without lag is a name, however it was written."""
    after = tuple(
        each if isinstance(each, str) or each.kind != "FS" or each.lag_minutes else each.task for each in task.after
    )
    return task if after == task.after else task.model_copy(update={"after": after})


def done_before(task: TaskRequest, by_id: Mapping[str, T]) -> dict[str, T]:
    """The tasks that it comes directly after, finish to start: done when it starts, so it has their outputs."""
    if not by_id:
        return {}
    before = (name_of(each) for each in task.after if isinstance(each, str) or each.kind == "FS")
    return {name: by_id[name] for name in before if name in by_id and name != task.id}


def name_of(link: str | AfterRequest) -> str:
    return link if isinstance(link, str) else link.task
