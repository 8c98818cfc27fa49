"""The scheduler whole, with its database and its API, and an executor that plays a script."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.databases import Databases

from orchestra.chassis.database.tables import OUTBOX
from orchestra.chassis.http.identity import Caller, TokenSigner, new_private_key
from orchestra.chassis.ids import new_id
from orchestra.chassis.messaging.consume import consume
from orchestra.chassis.messaging.in_process import Exchange, InProcessTransport
from orchestra.chassis.messaging.message import decode, wrap
from orchestra.chassis.runtime import RunningService
from orchestra.contracts.event import Event
from orchestra.contracts.execution import (
    Artifact,
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    AttemptSuspended,
    Evidence,
    Verification,
)
from orchestra.contracts.machine_work import AgentBrief
from orchestra.contracts.planning import Command, DecomposedTask, Dependency, TasksDecomposed
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.contracts.suspensions import ApprovalNeeded, BudgetMet, QuestionAsked, VerificationNeeded
from orchestra.scheduler.service import service
from orchestra.scheduler.settings import SchedulerSettings

SIGNER = TokenSigner(new_private_key())
HASH = sha256(b"the plan").hexdigest()

Script = Callable[[TaskDispatched], Event | None]


class Stage:
    """A running scheduler, and what the test says as the planner, the executor and the caller."""

    def __init__(self, running: RunningService, api: httpx.AsyncClient) -> None:
        self.running = running
        self.api = api
        self.project_id = new_id("prj")

    async def say(self, *events: Event) -> None:
        """Deliver events, each once, as whoever publishes them would."""
        for event in events:
            name = f"scheduler:{event.kind}"
            now = datetime.now(UTC)
            envelope = wrap(event, event_id=new_id("evt"), source="/test", time=now)
            await consume(service.subscriptions.by_name()[name], [envelope], self.running.database)

    async def said(self, kind: str) -> list[Any]:
        """The events of a kind that the scheduler has published, in order."""
        async with self.running.database.read() as view:
            rows = await view.connection.execute(OUTBOX.select().order_by(OUTBOX.c.position))
            return [decode(row.body)[0].event for row in rows if row.kind == kind]

    async def eventually(self, what: Callable[[], Any], seconds: float = 60) -> Any:
        """What the call answers, as soon as that is true."""
        async with asyncio.timeout(seconds):
            while True:
                answer = await what()
                if answer:
                    return answer
                await asyncio.sleep(0.02)

    async def team(self, *members: dict[str, Any]) -> None:
        answer = await self.api.put(f"/projects/{self.project_id}/team", json={"members": list(members)})
        assert answer.status_code == 200, answer.text

    async def plan(
        self,
        *tasks: DecomposedTask,
        after: tuple[tuple[str, str], ...] = (),
        edges: Sequence[Dependency] = (),
        version: int = 1,
    ) -> str:
        """An approved plan; `after` holds (predecessor, successor) by id, `edges` what is more than finish to start."""
        plan_id = new_id("pln")
        [whole] = self.parts(plan_id, tasks, after, version=version)
        await self.say(whole.model_copy(update={"dependencies": (*whole.dependencies, *edges)}))
        return plan_id

    def parts(
        self,
        plan_id: str,
        tasks: tuple[DecomposedTask, ...],
        after: tuple[tuple[str, str], ...],
        parts: int = 1,
        *,
        version: int = 1,
        supersedes: str | None = None,
    ) -> list[TasksDecomposed]:
        edges = tuple(Dependency(predecessor=p, successor=s) for p, s in after)
        size = -(-len(tasks) // parts)
        return [
            TasksDecomposed(
                workspace_id="wsp_1",
                project_id=self.project_id,
                plan_id=plan_id,
                version=version,
                hash=HASH,
                supersedes=supersedes,
                part=n + 1,
                parts=parts,
                tasks=tasks[n * size : (n + 1) * size],
                dependencies=edges if n == 0 else (),
            )
            for n in range(parts)
        ]

    async def start(self, plan_id: str, **options: Any) -> str:
        body = {"plan_id": plan_id, "hash": HASH, **options}
        answer = await self.api.post(f"/projects/{self.project_id}/runs", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    async def run(self, run_id: str) -> dict[str, Any]:
        return (await self.api.get(f"/runs/{run_id}")).json()

    async def tasks(self, run_id: str) -> dict[str, dict[str, Any]]:
        page = (await self.api.get(f"/runs/{run_id}/tasks", params={"limit": 500})).json()
        return {task["key"]: task for task in page["data"]}

    async def statuses(self, run_id: str) -> dict[str, str]:
        return {key: task["status"] for key, task in (await self.tasks(run_id)).items()}

    async def play(self, script: Script, already: set[str] | None = None) -> None:
        """Answer each dispatch by the script, until there is none that it has not seen."""
        seen = already if already is not None else set[str]()
        while True:
            fresh = [d for d in await self.said("task.dispatched.v1") if d.attempt_id not in seen]
            if not fresh:
                return
            for dispatched in fresh:
                seen.add(dispatched.attempt_id)
                answer = script(dispatched)
                if answer is not None:
                    await self.say(answer)


def person(key: str, *roles: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "name": key.title(), "roles": list(roles), **more}


def agent(key: str = "press", *, slots: int = 2, tools: tuple[str, ...] = ("true",)) -> dict[str, Any]:
    return {"id": key, "name": key.title(), "kind": "agent", "roles": ["automation"], "slots": slots, "tools": tools}


def command_task(key: str, role: str = "automation", priority: int = 0, **command: Any) -> DecomposedTask:
    wanted = Command(argv=("true",), tools=("true",), **command)
    task_id = f"tsk_{new_id(key)}"
    return DecomposedTask(id=task_id, key=key, title=key, role=role, minutes=1, priority=priority, command=wanted)


def agent_task(key: str, role: str | None = None, retries: int = 1, **more: Any) -> DecomposedTask:
    """Work for an AI agent; `more` is of the brief."""
    wanted = Command(retries=retries, agent=AgentBrief(**{"instructions": "Do it well.", "verify": "checks"} | more))
    task_id = f"tsk_{new_id(key)}"
    return DecomposedTask(id=task_id, key=key, title=key.title(), role=role, minutes=1, command=wanted)


def assistant(key: str = "coder", *, slots: int = 2, name: str = "any", tools: tuple[str, ...] = ()) -> dict[str, Any]:
    """A member that has the work of AI agents done."""
    return {**agent(key, slots=slots, tools=tools), "agent": name}


def people_task(key: str, role: str | None = None, points: float = 2) -> DecomposedTask:
    return DecomposedTask(id=f"tsk_{new_id(key)}", key=key, title=key, role=role, points=points)


def chain(*tasks: DecomposedTask) -> tuple[tuple[str, str], ...]:
    return tuple((before.id, after.id) for before, after in pairwise(tasks))


def succeed(dispatched: TaskDispatched) -> AttemptSucceeded:
    now = datetime.now(UTC)
    content = sha256(dispatched.title.encode()).hexdigest()
    return AttemptSucceeded(
        workspace_id=dispatched.workspace_id,
        project_id=dispatched.project_id,
        task_id=dispatched.task_id,
        attempt_id=dispatched.attempt_id,
        token=dispatched.token,
        started_at=now - timedelta(milliseconds=20),
        ended_at=now,
        outputs=(Artifact(path=f"out/{dispatched.title}", sha256=content, size=1),),
        evidence=Evidence(exit_code=0, sandbox_level="L3", duration_ms=20, dry_run=dispatched.dry_run),
    )


def fail(dispatched: TaskDispatched, failure: Any, reason: str = "it broke") -> AttemptFailed:
    return AttemptFailed(
        workspace_id=dispatched.workspace_id,
        project_id=dispatched.project_id,
        task_id=dispatched.task_id,
        attempt_id=dispatched.attempt_id,
        token=dispatched.token,
        started_at=datetime.now(UTC),
        ended_at=datetime.now(UTC),
        failure=failure,
        reason=reason,
    )


def verified(dispatched: TaskDispatched, verdict: Any = "passed", *findings: str) -> AttemptSucceeded:
    """An agent's success, with what a verification said of it."""
    done = succeed(dispatched)
    proof = Verification(verdict=verdict, by="checks", findings=findings)
    return done.model_copy(update={"evidence": done.evidence.model_copy(update={"verification": proof})})


QUESTION = QuestionAsked(id="q1", text="Which colour?", choices=("red", "blue"))
APPROVAL = ApprovalNeeded(tool="fetch", summary="GET https://example.org/", digest="d" * 64)
BUDGET = BudgetMet(scope="run", limit=1_000_000, settled=900_000, held=50_000, asked=200_000)
VERIFICATION = VerificationNeeded(findings=("the map has no legend",))


def suspend(dispatched: TaskDispatched, waits_for: Any = QUESTION) -> AttemptSuspended:
    done = succeed(dispatched)
    names = ("workspace_id", "project_id", "task_id", "attempt_id", "token", "started_at", "ended_at", "outputs")
    return AttemptSuspended(
        **{name: getattr(done, name) for name in names}, waits_for=waits_for, evidence=done.evidence
    )


def begin(dispatched: TaskDispatched) -> AttemptStarted:
    return AttemptStarted(
        workspace_id=dispatched.workspace_id,
        project_id=dispatched.project_id,
        task_id=dispatched.task_id,
        attempt_id=dispatched.attempt_id,
        token=dispatched.token,
        started_at=datetime.now(UTC),
    )


def token() -> str:
    """Of a caller who may read and write; it holds for a minute."""
    return SIGNER.sign(Caller("ana", "wsp_1", ("read", "write")), "scheduler")


@asynccontextmanager
async def staged(url: str) -> AsyncIterator[Stage]:
    settings = SchedulerSettings(
        database_url=url, database_pool=5, internal_public_key=SIGNER.public_key, back_off_seconds=0.05
    )
    exchange = Exchange()
    running = RunningService(service, settings, lambda _: InProcessTransport(exchange))
    exchange.attach(service.subscriptions, running.database)
    async with (
        running.running(),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=running.app),
            base_url="http://scheduler",
            headers={"Authorization": f"Bearer {token()}"},
        ) as api,
    ):
        yield Stage(running, api)


@pytest.fixture(params=["sqlite", "postgres"])
async def stage(request: pytest.FixtureRequest, databases: Databases, tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(await databases.empty(request.param, "scheduler", tmp_path)) as made:
        yield made


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Stage]]:
    """One running scheduler for all examples of a property, each with a project of its own."""
    path = tmp_path_factory.mktemp("theatre")
    with asyncio.Runner() as runner:
        entered = staged(f"sqlite+aiosqlite:///{path}/scheduler.db")
        yield runner, runner.run(entered.__aenter__())
        runner.run(entered.__aexit__(None, None, None))
