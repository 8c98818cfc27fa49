"""What is refused about checkpoints: more of the tree in `errors`."""

from orchestra.scheduler.domain.errors import SchedulingError


class UnknownCheckpoint(SchedulingError):
    """There is no such checkpoint."""

    code = "unknown-checkpoint"


class CheckpointClosed(SchedulingError):
    """The checkpoint is not open any more."""

    code = "checkpoint-closed"


class AnswerUnfit(SchedulingError):
    """This checkpoint is not answered like that."""

    code = "answer-unfit"


class UnknownInput(SchedulingError):
    """The task is given no such file."""

    code = "unknown-input"
