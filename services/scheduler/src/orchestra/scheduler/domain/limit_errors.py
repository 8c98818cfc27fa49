"""What is refused about limits."""

from orchestra.scheduler.domain.errors import SchedulingError


class UnknownLimit(SchedulingError):
    """There is no such limit."""

    code = "unknown-limit"


class InvalidLimit(SchedulingError):
    """A limit cannot be named so."""

    code = "invalid-limit"
