"""What can be wrong with the times of a task: when it may start, by when it must have ended, what it waits for."""

from collections.abc import Iterator

from orchestra.contracts.planning import Fault, TaskRequest

MAX_MINUTES = 525_600
"""A year."""

_NOT_OF_A_TIMER = ("command", "agent", "role", "points", "minutes", "deadline")


def check_times(task: TaskRequest, here: str) -> Iterator[Fault]:
    if task.start_at is not None and task.deadline is not None and task.deadline <= task.start_at:
        detail = f"{task.id} would have to end before it may start."
        yield Fault(pointer=f"{here}/deadline", code="deadline-before-start", detail=detail)
    if task.wait is None:
        return
    for field in _NOT_OF_A_TIMER:
        if getattr(task, field) is not None:
            detail = f"{task.id} is a timer: it waits, and has no {field}."
            yield Fault(pointer=f"{here}/{field}", code="not-of-a-timer", detail=detail)
    if task.wait.minutes <= 0:
        detail = f"{task.wait.minutes:,} minutes are no wait: it must be above 0."
        yield Fault(pointer=f"{here}/wait/minutes", code="not-positive", detail=detail)
    elif task.wait.minutes > MAX_MINUTES:
        detail = f"A wait of {task.wait.minutes:,} minutes is more than {MAX_MINUTES:,}."
        yield Fault(pointer=f"{here}/wait/minutes", code="out-of-range", detail=detail)
