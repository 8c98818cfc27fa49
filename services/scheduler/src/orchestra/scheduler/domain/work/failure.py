"""What becomes of a task whose attempt failed."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from orchestra.contracts.execution import FailureClass
from orchestra.scheduler.domain.work.retries import back_off, tried_again


@dataclass(frozen=True)
class Verdict:
    status: Literal["ready", "waiting", "failed"]
    because: str
    failed: int
    """1 when the attempt counts as a failure of its own."""
    lost: int
    """1 when the attempt was lost."""
    pause: timedelta | None = None
    """Before the next try."""


def after_failure(
    failure: FailureClass,
    *,
    failures: int,
    lost: int,
    retries: int,
    repeatable: bool,
    fraction: float,
    base_s: float,
) -> Verdict:
    """Tried again, a person decides, or failed.

    `failures` and `lost` count what came before this attempt. A person must decide where the command may have had its
    effect and may not have it twice. A lost attempt is tried again at once: nothing speaks against its command.
    """
    failed, missing = (0, 1) if failure == "lost" else (1, 0)
    if tried_again(failure, failures=failures + failed, lost=lost + missing, retries=retries, repeatable=repeatable):
        seconds = 0.0 if failure == "lost" else back_off(failures, fraction, base_s)
        return Verdict("ready", f"tried again ({failure})", failed, missing, timedelta(seconds=seconds))
    if failure in ("lost", "timeout") and not repeatable:
        return Verdict("waiting", "a person must say whether it may run again", failed, missing)
    return Verdict("failed", failure, failed, missing)
