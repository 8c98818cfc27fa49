"""What the executor reads of itself: attempts that wait or are held, leases that ran out, the sandbox, the disk."""

import asyncio
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from orchestra.chassis.database.unit_of_work import UnitOfWork
from orchestra.chassis.findings import Diagnose, Finding, value
from orchestra.chassis.readings import Look, Read
from orchestra.chassis.telemetry.metrics import Reading, gauge
from orchestra.executor.adapters.tables import ATTEMPT, HELD, QUEUED
from orchestra.executor.application.ports import Sandbox
from orchestra.executor.domain.policy import Level, Policy

WAITING = gauge("orchestra.attempts.waiting", "{attempt}", "Attempts that nobody has begun yet.")
WAITING_AGE = gauge("orchestra.attempts.age", "s", "How long the oldest of them has waited.")
HELD_ATTEMPTS = gauge("orchestra.leases.held", "{attempt}", "Attempts under a lease, of all executors.")
EXPIRED = gauge("orchestra.leases.expired", "{attempt}", "Leases that ran out some time ago and were not taken over.")
SLOTS = gauge("orchestra.slots", "{slot}", "Commands that this process runs at a time.")
RUNNING = gauge("orchestra.slots.used", "{slot}", "Commands that it runs now.")
SANDBOX = gauge("orchestra.sandbox.level", "", "1 for the level that the sandbox has proven.", "level")
CGROUPS = gauge("orchestra.sandbox.cgroups", "", "1 when control groups keep the limits of whole commands, 0 when not.")
SANDBOX_WEAK = gauge("orchestra.sandbox.weak", "", "1 when that is below the least level, and commands are refused.")
FREE = gauge("orchestra.artifacts.free", "By", "Free space where artifacts are kept.")
SIZE = gauge("orchestra.artifacts.size", "By", "Space in all there.")

LABELS = {"service": "executor"}
TAKEN_OVER = timedelta(seconds=30)
"""A lease that ran out is taken over within seconds; one that was not by now never will be."""
LEAST_FREE = 0.05
WAITING_S = 900.0


def read_attempts(slots: int, running: Callable[[], int]) -> Read:
    async def read(view: UnitOfWork) -> Iterable[Reading]:
        run = view.connection.execute
        first = select(func.count(), func.min(ATTEMPT.c.accepted_at)).select_from(ATTEMPT).where(QUEUED)
        waiting, accepted = (await run(first)).one()
        held = select(func.count()).select_from(ATTEMPT).where(HELD)
        expired = held.where(ATTEMPT.c.lease_until < view.now - TAKEN_OVER)
        return [
            Reading(WAITING, waiting, LABELS),
            Reading(WAITING_AGE, max(0.0, (view.now - accepted).total_seconds()) if accepted else 0.0, LABELS),
            Reading(HELD_ATTEMPTS, (await run(held)).scalar_one(), LABELS),
            Reading(EXPIRED, (await run(expired)).scalar_one(), LABELS),
            Reading(SLOTS, slots, LABELS),
            Reading(RUNNING, running(), LABELS),
        ]

    return read


def read_place(sandbox: Sandbox, policy: Policy, artifacts: Path) -> Look:
    async def look_at() -> Iterable[Reading]:
        disk = await asyncio.to_thread(shutil.disk_usage, artifacts)
        return [
            Reading(SANDBOX, 1, {**LABELS, "level": sandbox.level.name}),
            Reading(CGROUPS, sandbox.grouping.version is not None, LABELS),
            Reading(SANDBOX_WEAK, sandbox.level < policy.min_level, LABELS),
            Reading(FREE, disk.free, LABELS),
            Reading(SIZE, disk.total, LABELS),
        ]

    return look_at


def diagnose(sandbox: Sandbox, policy: Policy, artifacts: Path) -> Diagnose:
    def found(readings: Sequence[Reading]) -> Iterator[Finding]:
        yield from _attempts(readings)
        yield from _sandbox(sandbox, policy)
        free, size = value(readings, FREE), value(readings, SIZE)
        if size and free < LEAST_FREE * size:
            yield Finding(
                alert="OrchestraDiskLow",
                severity="error",
                problem=f"executor: {free / 2**30:.1f} of {size / 2**30:.1f} GiB are free in {artifacts}",
                step="make room there, or give the artifacts a larger disk",
            )

    return found


def _attempts(readings: Sequence[Reading]) -> Iterator[Finding]:
    if expired := value(readings, EXPIRED):
        yield Finding(
            alert="OrchestraLeasesStuck",
            severity="error",
            problem=f"executor: {expired:.0f} leases ran out and nobody took their attempts over",
            step="look for the loop `leases` in the log of executor; a restart takes them over at once",
        )
    if (age := value(readings, WAITING_AGE)) > WAITING_S and value(readings, RUNNING) < value(readings, SLOTS):
        yield Finding(
            alert="OrchestraAttemptsWait",
            severity="warning",
            problem=f"executor: {value(readings, WAITING):.0f} attempts wait beside free slots, one for {age:.0f} s",
            step="look for the loop `attempts` in the log of executor",
        )


def _sandbox(sandbox: Sandbox, policy: Policy) -> Iterator[Finding]:
    if sandbox.level == max(Level):
        return
    refused = sandbox.level < policy.min_level
    why = "; ".join(f"{c.level.name} {c.name}: {c.detail or 'failed'}" for c in sandbox.checks if not c.passed)
    consequence = f", below {policy.min_level.name}: commands are refused" if refused else ""
    yield Finding(
        alert="OrchestraSandboxWeak",
        severity="error" if refused else "note",
        problem=f"executor: commands are confined at level {sandbox.level.name}{consequence}. Not higher because {why}",
        step="install bubblewrap and allow user namespaces for L3; a kernel with landlock gives L2",
    )
