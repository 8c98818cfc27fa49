"""Withdraw what is not wanted any more."""

from orchestra.contracts.scheduling import DispatchWithdrawn
from orchestra.executor.application.attempts import ExecutingWork


async def withdraw_dispatch(work: ExecutingWork, event: DispatchWithdrawn) -> None:
    """End the attempt where it is queued; its holder, if it has one, hears of it when it next renews its lease: now."""
    await work.attempts.withdraw(event)
    work.wake("leases")
