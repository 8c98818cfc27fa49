"""What attempts need and their workspace does not have."""

from collections.abc import Sequence

from orchestra.executor.application.attempts import ExecutingWork
from orchestra.executor.domain.attempt import HeldAttempt


async def with_missing(work: ExecutingWork, attempts: Sequence[HeldAttempt]) -> list[tuple[HeldAttempt, Sequence[str]]]:
    """Each with the paths whose content its own workspace does not know, whatever is stored for others."""
    wanted = [(attempt.workspace_id, sha256) for attempt in attempts for sha256 in attempt.contents.values()]
    known = await work.register.known(wanted)
    return [
        (a, [path for path, sha256 in a.contents.items() if (a.workspace_id, sha256) not in known]) for a in attempts
    ]
