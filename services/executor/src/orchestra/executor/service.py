"""The executor: what it is made of."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from orchestra.chassis.http.outward import Outward, RefusedUrl
from orchestra.chassis.loops import Loop
from orchestra.chassis.service import Room, Service
from orchestra.contracts import catalog
from orchestra.executor.adapters.agents.knowledge import KnowledgeToolbox
from orchestra.executor.adapters.agents.tool_desk import ToolDesk, Ways
from orchestra.executor.adapters.artifact_store import DirectoryArtifacts
from orchestra.executor.adapters.knowledge.meanings import ModelMeanings
from orchestra.executor.adapters.models.choices import SqlChoices
from orchestra.executor.adapters.models.desk import ModelDesk
from orchestra.executor.adapters.models.health import EVERY_S, HealthMonitor, Probe, looks_at
from orchestra.executor.adapters.models.keys import Keys
from orchestra.executor.adapters.models.vault import CannotOpen, Vault
from orchestra.executor.adapters.money.account import Account
from orchestra.executor.adapters.money.readings import diagnose_money, read_money
from orchestra.executor.adapters.owner import this_process
from orchestra.executor.adapters.readings import diagnose, read_attempts, read_place
from orchestra.executor.adapters.sandbox import delegation
from orchestra.executor.adapters.sandbox.orphans import end_orphans
from orchestra.executor.adapters.sandbox.probe import strongest
from orchestra.executor.adapters.tables import metadata
from orchestra.executor.adapters.work import ExecutorWork
from orchestra.executor.adapters.workspaces import DirectoryWorkspaces
from orchestra.executor.application.agents.perform_agent import AgentModels
from orchestra.executor.application.models.ports import NoModel
from orchestra.executor.application.perform_attempt import Bench
from orchestra.executor.application.ports import Sandbox
from orchestra.executor.domain.agents.errors import AgentRetired, NotOutside, UnknownAgent, WrongAgentToken
from orchestra.executor.domain.errors import (
    ArtifactNotFound,
    NoLog,
    NoMasterKey,
    NoProjectKey,
    NoProjectModel,
    TooManyToolServers,
    UnknownAttempt,
    UnknownProvider,
    UnknownToolServer,
)
from orchestra.executor.domain.knowledge.errors import BadFinding, FindingKnown, UnknownFinding
from orchestra.executor.domain.models.routing import UnknownModel
from orchestra.executor.domain.money.errors import (
    BadAmount,
    BudgetExhausted,
    HoldLost,
    MoneyError,
    NoLimit,
    UnknownScope,
)
from orchestra.executor.domain.policy import Policy
from orchestra.executor.entrypoints import artifacts, http, knowledge, models, tool_servers
from orchestra.executor.entrypoints.agents import registry
from orchestra.executor.entrypoints.agents.absences import absences
from orchestra.executor.entrypoints.agents.bench import agent_bench, writer
from orchestra.executor.entrypoints.attempts import of_agents, of_commands
from orchestra.executor.entrypoints.desk import Desk
from orchestra.executor.entrypoints.events import subscriptions
from orchestra.executor.entrypoints.meanings import meanings_loop
from orchestra.executor.entrypoints.measures import count
from orchestra.executor.entrypoints.model_calls import ModelCalls
from orchestra.executor.entrypoints.money import budgets, costs
from orchestra.executor.entrypoints.money.loops import money_loops
from orchestra.executor.entrypoints.money.till import Till
from orchestra.executor.entrypoints.performances import Performances, Terms
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
    performances = Performances(room.database, room.wakeups, of_commands(bench), terms)

    await lose_what_the_dead_held(room.database)
    await asyncio.to_thread(delegation.clear)
    await asyncio.to_thread(end_orphans, workspaces)
    await clear_away(room.database, bench, workspaces)
    till = Till(room.database)
    room.app.state.desk = Desk(store, sandbox, policy, settings.max_artifact_bytes)
    room.loops += [*performances.loops(), *money_loops(room.database), absences(room.database)]
    room.on_stop += [sandbox.close, till.stop]  # called in reverse order
    room.database.on_told.append(count)
    room.reads.append(read_attempts(settings.slots, performances.running))
    room.reads.append(read_money)
    room.diagnoses.append(diagnose_money)
    room.looks.append(read_place(sandbox, policy, settings.artifacts_dir))
    room.diagnoses.append(diagnose(sandbox, policy, settings.artifacts_dir))
    _wire_models(room)
    _wire_tools(room)
    opened = _opener(room, till)
    asked = ModelCalls(opened, settings.sealer, till)
    calls = Performances(room.database, room.wakeups, asked, replace(terms, slots=settings.call_slots))
    embeddings = settings.catalogue.embeddings
    meanings = ModelMeanings(embeddings.name, opened) if embeddings is not None else None
    if meanings is not None:
        room.loops.append(meanings_loop(room.database, meanings))
    state = room.app.state
    beyond = state.tools.toolboxes(opened, state.models.catalogue.routes, writer(bench))
    state.knowledge = KnowledgeToolbox(room.database, meanings)
    working = of_agents(agent_bench(room.database, bench, opened, till, (*beyond, state.knowledge)))
    agents = Performances(room.database, room.wakeups, working, replace(terms, slots=settings.agent_slots))
    room.loops += [*calls.loops(), *agents.loops()]
    room.on_stop.append(_stopping(performances, calls, agents))
    room.notes["sandbox"] = sandbox.level.name
    room.notes["cgroups"] = str(sandbox.grouping)
    room.checks["sandbox"] = lambda: _check(sandbox, policy)


def _wire_models(room: Room[ExecutorWork, ExecutorSettings]) -> None:
    settings, state = room.settings, room.app.state
    outward = Outward(settings.model_allowed_networks, getattr(state, "resolve", None))
    vault = Vault(settings.model_secret_keys) if settings.model_secret_keys else None
    keys, choices, probe = Keys(room.database, vault), SqlChoices(room.database), Probe(outward, settings.model_calls)
    monitor = HealthMonitor(looks_at(settings.catalogue.providers, keys, probe))
    catalogue, reach = settings.catalogue, settings.model_calls
    state.models = ModelDesk(catalogue, keys, choices, vault, probe, monitor, outward, reach, room.clock)
    room.on_stop.append(_closing(outward))
    if vault is not None:
        room.loops.append(Loop("model keys", keys.reseal, every=3600.0))
    if monitor.watched:
        room.loops.append(Loop("models", monitor.step, every=EVERY_S, steady=True))
        room.checks["models"] = monitor.check
        room.advisory.add("models")  # commands are performed without any
        room.notes["models"] = ", ".join(monitor.watched)


def _wire_tools(room: Room[ExecutorWork, ExecutorSettings]) -> None:
    settings, state = room.settings, room.app.state
    resolve, policy = getattr(state, "resolve", None), settings.policy
    pages = Outward(map(ip_network, policy.networks), resolve)
    vault = state.models.vault
    ways = Ways(policy, pages, Outward(settings.tool_allowed_networks, resolve))
    desk = state.tools = ToolDesk(room.database, settings.declared_servers, vault, ways)
    room.on_stop.append(desk.close)
    if vault is not None:
        room.loops.append(Loop("tool tokens", desk.known.reseal, every=3600.0))
    if desk.monitor.watched:
        room.loops.append(Loop("tool servers", desk.monitor.step, every=EVERY_S, steady=True))
        room.checks["tools"] = desk.monitor.check
        room.advisory.add("tools")  # tasks that need none go on
        room.notes["tools"] = ", ".join(desk.monitor.watched)


def _opener(room: Room[ExecutorWork, ExecutorSettings], till: Till) -> Callable[[], Awaitable[AgentModels]]:
    desk: ModelDesk = room.app.state.models
    account = Account(room.database, till, room.clock)
    lock, opened = asyncio.Lock(), list[AgentModels]()

    async def models() -> AgentModels:
        """Opened at the first call: the providers' libraries are large."""
        if not desk.catalogue.routes.models and desk.catalogue.embeddings is None:
            raise NoModel("No model is configured.")
        async with lock:
            if not opened:
                opened.append(await desk.open(account, account))
        return opened[0]

    async def close() -> None:
        for each in opened:
            await each.close()

    room.on_stop.append(close)
    return models


def _closing(outward: Outward) -> Callable[[], Awaitable[None]]:
    async def close() -> None:
        outward.close()

    return close


def _stopping(*kinds: Performances[Any, Any]) -> Callable[[], Awaitable[None]]:
    """All at once: the loops that keep leases have ended, and none may wait unkept until another is done."""

    async def stop() -> None:
        await asyncio.gather(*(kind.stop() for kind in kinds))

    return stop


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
    routers=(
        artifacts.router,
        http.router,
        models.router,
        tool_servers.router,
        registry.router,
        budgets.router,
        costs.router,
        knowledge.router,
    ),
    refusals={
        UnknownAttempt: 404,
        NoLog: 404,
        ArtifactNotFound: 404,
        UnknownProvider: 404,
        UnknownFinding: 404,
        FindingKnown: 409,
        BadFinding: 422,
        NoProjectKey: 404,
        NoProjectModel: 404,
        UnknownModel: 422,
        UnknownAgent: 404,
        AgentRetired: 409,
        NotOutside: 409,
        WrongAgentToken: 401,
        UnknownToolServer: 404,
        TooManyToolServers: 409,
        NoMasterKey: 409,
        CannotOpen: 409,
        RefusedUrl: 422,
        BudgetExhausted: 403,
        MoneyError: 409,
        BadAmount: 422,
        UnknownScope: 422,
        NoLimit: 409,
        HoldLost: 409,
    },
    bindings=catalog.bindings(),
    wire=wire,
    streamed=("/artifacts/",),
)
