"""What the scheduler refuses, named by the condition; a class's docstring is its message.

SchedulingError
├── UnknownTask  UnknownRun  UnknownPlan  UnknownProject  DuplicateTask
├── UnknownMember  MemberExists  UnknownRole  RoleExists  RoleInUse
├── CyclicDependency  InvalidDependency  RefusedTransition  CompletionHeld  TasksAtWork  NotPaused  NothingToRetry
├── NotAPersonsTask  ManagerTakesNoTask  NotEligible  NotTheAssignee  NotInHand
├── NotEstimated  NotReady  DependenciesOpen  OneTaskAtATime  WorkloadImpossible
├── ChoosesForAnother  ProjectManagerNeeded
├── PlanAlreadyRuns  PlanSuperseded  HashMismatch  DeadlinePassed
├── ProjectArchived  OpenRuns
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
    """This task is no person's: the outcome of a command is the command's, and a timer ends by itself."""

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


class InvalidDependency(SchedulingError):
    """The dependency cannot be kept."""

    code = "invalid-dependency"


class CompletionHeld(SchedulingError):
    """Its work is done already: it ends when what holds its end back has come."""

    code = "completion-held"


class RefusedTransition(SchedulingError):
    """This may not become that."""

    code = "refused-transition"
    rule = "BR-TASK-003"

    def __init__(self, subject: str, before: str, after: str) -> None:
        super().__init__(subject, before, after)
        self.subject, self.before, self.after = subject, before, after

    def __str__(self) -> str:
        return f"{self.subject} is {self.before} and cannot become {self.after}."


class TasksAtWork(SchedulingError):
    """What is under way cannot be done again: let it end, or cancel it"""

    code = "tasks-at-work"


class NotPaused(SchedulingError):
    """Only what is paused can be resumed."""

    code = "not-paused"


class NothingToRetry(SchedulingError):
    """Nothing in this run has failed."""

    code = "nothing-to-retry"


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


class UnknownMember(SchedulingError):
    """The project has no such member."""

    code = "unknown-member"


class MemberExists(SchedulingError):
    """The project has a member of this id."""

    code = "member-exists"


class UnknownRole(SchedulingError):
    """The project has no such role."""

    code = "unknown-role"


class RoleExists(SchedulingError):
    """The project has a role of this name; upper and lower case count as the same."""

    code = "role-exists"
    rule = "BR-ROLE-001"


class RoleInUse(SchedulingError):
    """The role is in use."""

    code = "role-in-use"
    rule = "BR-ROLE-001"


class NotInHand(SchedulingError):
    """Nobody is at this task."""

    code = "not-in-hand"


class NotEstimated(SchedulingError):
    """The task has neither points nor minutes, and nobody takes what nobody has estimated."""

    code = "not-estimated"
    rule = "BR-TASK-004"


class NotReady(SchedulingError):
    """The task is not ready to be taken."""

    code = "not-ready"
    rule = "BR-TASK-003"


class DependenciesOpen(SchedulingError):
    """The task comes after others that are not done."""

    code = "dependencies-open"
    rule = "BR-DEP-003"


class OneTaskAtATime(SchedulingError):
    """The member has as many tasks in hand as they take at a time."""

    code = "one-task-at-a-time"
    rule = "BR-ASSIGN-004"


class WorkloadImpossible(SchedulingError):
    """The task would make the member's workload impossible."""

    code = "workload-impossible"
    rule = "BR-ASSIGN-003"


class ChoosesForAnother(SchedulingError):
    """Members take tasks for themselves, and nobody gives one to another."""

    code = "chooses-for-another"
    rule = "BR-ASSIGN-001"


class ProjectManagerNeeded(SchedulingError):
    """Only a project manager may do this."""

    code = "project-manager-needed"
    rule = "BR-PROJ-004"


class ProjectArchived(SchedulingError):
    """The project is archived and takes no changes; take it out of the archive first."""

    code = "project-archived"


class OpenRuns(SchedulingError):
    """Runs of the project are open; end or cancel them first."""

    code = "open-runs"


class DeadlinePassed(SchedulingError):
    """The run would be cancelled before it could begin."""

    code = "deadline-passed"


class PlanAlreadyRuns(SchedulingError):
    """A run of this project is still open, or this plan had its run."""

    code = "plan-already-runs"


class PlanSuperseded(SchedulingError):
    """A newer version of the plan stands."""

    code = "plan-superseded"


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
