"""Exit codes, and the one way to stop early with one."""

from collections.abc import Sequence
from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    WAITING = 3
    """For a person."""
    BUDGET = 4
    POLICY = 5
    NOT_FOUND = 6
    CONFLICT = 7
    UNAVAILABLE = 8
    TIMED_OUT = 124
    INTERRUPTED = 130


class Stop(Exception):
    """Stop with an exit code, a message, and the places that are at fault."""

    def __init__(self, code: Exit, message: str, faults: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.faults = faults


def exit_of(status: int, problem: str) -> Exit:
    """The exit code for an HTTP refusal with this status and problem code."""
    if problem in ("policy-denied", "not-granted"):
        return Exit.POLICY
    if problem == "budget-exhausted":
        return Exit.BUDGET
    by_status = {401: Exit.POLICY, 403: Exit.POLICY, 404: Exit.NOT_FOUND, 503: Exit.UNAVAILABLE}
    by_status |= dict.fromkeys((409, 412, 428), Exit.CONFLICT)
    if status in by_status:
        return by_status[status]
    return Exit.USAGE if 400 <= status < 500 else Exit.FAILED
