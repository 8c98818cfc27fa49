"""Whether a failed attempt is followed by another, and after how long."""

from orchestra.contracts.execution import FailureClass

LOST_LIMIT = 20
"""Lost attempts do not use up retries, but a task that takes its executor down each time has to stop somewhere."""

CAP_S = 120.0


def back_off(retry: int, fraction: float, base_s: float = 5.0) -> float:
    """Seconds to wait before the `retry`-th further try (0 for the first): min(5·2ⁿ + rand(0..2), 120) by default.

    `fraction` (0..1) is the random part. Another `base_s` scales both parts, so that a demonstration may hurry.
    """
    doubled = base_s * 2 ** min(retry, 32)  # beyond that any base is over the cap, or a float
    return min(doubled + base_s * 0.4 * fraction, CAP_S)


def tried_again(failure: FailureClass, *, failures: int, lost: int, retries: int, repeatable: bool) -> bool:
    """Whether there is a further try after this failure.

    `failures` and `lost` count the task's attempts so far that failed or were lost, this one included; `retries`
    is how many tries beyond the first are allowed. A command that was stopped in the middle (timeout) leaves the
    same doubt about its effects as a lost one: both are tried again only where the command is repeatable.
    """
    match failure:
        case "transient" | "gaps":
            return failures <= retries
        case "timeout":
            return repeatable and failures <= retries
        case "lost":
            return repeatable and lost <= LOST_LIMIT
        case "permanent" | "policy" | "cancelled" | "budget":
            return False
