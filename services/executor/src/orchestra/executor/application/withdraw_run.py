"""Withdraw a whole run by one event, however many attempts it has."""

from orchestra.contracts.scheduling import RunChanged
from orchestra.executor.application.attempts import ExecutingWork


async def withdraw_run(work: ExecutingWork, event: RunChanged) -> None:
    """A cancelled run is never opened again, so that its tombstone holds for good. Other changes are no matter here."""
    if event.status == "cancelled":
        await work.attempts.withdraw_run(event, event.cause or "the run was cancelled")
        work.wake("leases")
