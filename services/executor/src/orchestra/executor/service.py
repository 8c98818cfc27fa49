"""The executor: what it is made of."""

import asyncio
from pathlib import Path

from orchestra.chassis.service import Room, Service
from orchestra.contracts import catalog
from orchestra.executor.adapters.artifact_store import DirectoryArtifacts
from orchestra.executor.adapters.owner import this_process
from orchestra.executor.adapters.readings import diagnose, read_attempts, read_place
from orchestra.executor.adapters.sandbox import delegation
from orchestra.executor.adapters.sandbox.orphans import end_orphans
from orchestra.executor.adapters.sandbox.probe import strongest
from orchestra.executor.adapters.tables import metadata
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.adapters.workspaces import DirectoryWorkspaces
from orchestra.executor.application.perform_attempt import Bench
from orchestra.executor.application.ports import Sandbox
from orchestra.executor.domain.errors import ArtifactNotFound, NoLog, UnknownAttempt
from orchestra.executor.domain.policy import Policy
from orchestra.executor.entrypoints import artifacts, http
from orchestra.executor.entrypoints.desk import Desk
from orchestra.executor.entrypoints.events import subscriptions
from orchestra.executor.entrypoints.loops import Performances, Terms
from orchestra.executor.entrypoints.measures import count
from orchestra.executor.entrypoints.recovery import clear_away, lose_what_the_dead_held
from orchestra.executor.settings import ExecutorSettings


async def wire(room: Room[ExecutorWork, ExecutorSettings]) -> None:
    settings = room.settings
    folders = [settings.workspaces_dir / name for name in ("workspaces", "logs", "probes")]
    workspaces, logs, probes = [folder.resolve() for folder in folders]
    await asyncio.to_thread(_make, logs, probes)
    policy = settings.policy
    sandbox = await strongest(policy, probes)
    store = DirectoryArtifacts(settings.artifacts_dir.resolve())
    bench = Bench(sandbox, DirectoryWorkspaces(workspaces, store), store, policy, logs, room.streams)
    terms = Terms(this_process(), settings.slots, settings.lease_seconds, settings.stop_grace_seconds)
    performances = Performances(room.database, room.wakeups, bench, terms)

    await lose_what_the_dead_held(room.database)
    await asyncio.to_thread(delegation.clear)
    await asyncio.to_thread(end_orphans, workspaces)
    await clear_away(room.database, bench, workspaces)
    room.app.state.desk = Desk(store, sandbox, policy, settings.max_artifact_bytes)
    room.loops += performances.loops()
    room.on_stop += [sandbox.close, performances.stop]  # called in reverse order
    room.database.on_told.append(count)
    room.reads.append(read_attempts(settings.slots, performances.running))
    room.looks.append(read_place(sandbox, policy, settings.artifacts_dir))
    room.diagnoses.append(diagnose(sandbox, policy, settings.artifacts_dir))
    room.notes["sandbox"] = sandbox.level.name
    room.notes["cgroups"] = str(sandbox.grouping)
    room.checks["sandbox"] = lambda: _check(sandbox, policy)


def _make(*folders: Path) -> None:
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)


async def _check(sandbox: Sandbox, policy: Policy) -> str | None:
    if sandbox.level >= policy.min_level:
        return None
    failed = "; ".join(f"{c.level.name} {c.name}: {c.detail}" for c in sandbox.checks if not c.passed)
    return f"commands are confined at level {sandbox.level.name}, below {policy.min_level.name}: {failed}"


service = Service(
    name="executor",
    settings=ExecutorSettings,
    work=ExecutorWork,
    metadata=metadata,
    migrations="orchestra.executor.migrations",
    subscriptions=subscriptions,
    routers=(artifacts.router, http.router),
    refusals={UnknownAttempt: 404, NoLog: 404, ArtifactNotFound: 404},
    bindings=catalog.bindings(),
    wire=wire,
    streamed=("/artifacts/",),
)
