"""What the scheduler refuses, named by the condition; a class's docstring is its message.

SchedulingError
├── UnknownTask  UnknownRun  UnknownPlan  UnknownProject  DuplicateTask
├── CyclicDependency  RefusedTransition
├── NotAPersonsTask  ManagerTakesNoTask  NotEligible  NotTheAssignee
├── PlanAlreadyRuns  HashMismatch
└── InvalidMember  InvalidCalendar  NoWorkingTime
"""

from typing import ClassVar


class SchedulingError(Exception):
    """The scheduler refuses this."""

    code: ClassVar[str] = "scheduling-refused"
    rule: ClassVar[str | None] = None
    """The business rule behind the refusal, where one applies."""

    def __init__(self, *about: str) -> None:
        super().__init__(*about)
        self.about = about
        """The ids or words concerned; never a secret."""

    def __str__(self) -> str:
        message = (self.__doc__ or self.code).partition("\n")[0]
        return f"{message.rstrip('.')}: {', '.join(self.about)}." if self.about else message


class UnknownTask(SchedulingError):
    """There is no such task."""

    code = "unknown-task"


class UnknownRun(SchedulingError):
    """There is no such run."""

    code = "unknown-run"


class UnknownPlan(SchedulingError):
    """There is no such plan."""

    code = "unknown-plan"


class UnknownProject(SchedulingError):
    """There is no such project."""

    code = "unknown-project"


class NotAPersonsTask(SchedulingError):
    """This task is a command: an agent does it, and its outcome is the command's."""

    code = "not-a-persons-task"


class DuplicateTask(SchedulingError):
    """Two tasks have the same id."""

    code = "duplicate-task"


class CyclicDependency(SchedulingError):
    """The dependencies form a cycle.

    `cycle` lists each task once, every one before the next and the last before the first.
    """

    code = "cyclic-dependency"
    rule = "BR-DEP-002"
    shown = 12
    """A longer cycle is shown without its middle."""

    def __init__(self, *cycle: str) -> None:
        super().__init__(*cycle)
        self.cycle = cycle

    def __str__(self) -> str:
        names = [*self.cycle, *self.cycle[:1]]
        if len(names) > self.shown:
            half = self.shown // 2
            names[half:-half] = [f"… {len(names) - 2 * half} more …"]
        return f"The dependencies form a cycle: {' → '.join(names)}."


class RefusedTransition(SchedulingError):
    """This may not become that."""

    code = "refused-transition"
    rule = "BR-TASK-003"

    def __init__(self, subject: str, before: str, after: str) -> None:
        super().__init__(subject, before, after)
        self.subject, self.before, self.after = subject, before, after

    def __str__(self) -> str:
        return f"{self.subject} is {self.before} and cannot become {self.after}."


class ManagerTakesNoTask(SchedulingError):
    """A project manager is administrative and takes no task."""

    code = "manager-takes-no-task"
    rule = "BR-PROJ-002"


class NotEligible(SchedulingError):
    """The member may not take this task."""

    code = "not-eligible"
    rule = "BR-ASSIGN-002"


class NotTheAssignee(SchedulingError):
    """Only the member who has the task may do this."""

    code = "not-the-assignee"


class PlanAlreadyRuns(SchedulingError):
    """A run of this plan is still open."""

    code = "plan-already-runs"


class HashMismatch(SchedulingError):
    """The hash given is not the hash of the approved plan."""

    code = "hash-mismatch"


class InvalidMember(SchedulingError):
    """The member cannot be read."""

    code = "invalid-member"


class InvalidCalendar(SchedulingError):
    """The calendar cannot be read."""

    code = "invalid-calendar"


class NoWorkingTime(SchedulingError):
    """The calendar has no working time within five years."""

    code = "no-working-time"
