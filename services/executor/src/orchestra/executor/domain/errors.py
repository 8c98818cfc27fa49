"""Why the executor refuses; a class's docstring is its message.

ExecutionError
├── UnknownAttempt
├── NoLog
└── ArtifactNotFound
"""

from typing import ClassVar


class ExecutionError(Exception):
    """The executor refuses this."""

    code: ClassVar[str] = "execution-refused"

    def __init__(self, about: str) -> None:
        super().__init__(f"{(type(self).__doc__ or '').strip().rstrip('.')}: {about}.")


class UnknownAttempt(ExecutionError):
    """There is no such attempt."""

    code = "unknown-attempt"


class NoLog(ExecutionError):
    """The attempt has no log; one that is on its way or was never performed has none."""

    code = "no-log"


class ArtifactNotFound(ExecutionError):
    """There is no such artifact."""

    code = "unknown-artifact"
