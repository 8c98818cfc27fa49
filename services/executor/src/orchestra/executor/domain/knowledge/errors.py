"""Why a finding is refused; a class's docstring is its message.

ExecutionError
├── BadFinding
├── FindingKnown
└── UnknownFinding
"""

from orchestra.executor.domain.errors import ExecutionError


class BadFinding(ExecutionError):
    """This is no finding."""

    code = "bad-finding"


class FindingKnown(ExecutionError):
    """The project knows this already."""

    code = "finding-known"


class UnknownFinding(ExecutionError):
    """The project has no such finding."""

    code = "unknown-finding"
