"""How an attempt is performed, whatever the sandbox does."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import pytest
from services.executor.tests.dispatches import held

from orchestra.chassis.streams import LocalStreams
from orchestra.contracts.execution import Artifact
from orchestra.contracts.planning import Command, FailOn, Input
from orchestra.executor.application.perform_attempt import Bench, perform_attempt
from orchestra.executor.application.ports import (
    BadOutputs,
    BadWorkspace,
    CommandRefused,
    Grouping,
    Outcome,
    SandboxCommand,
    SandboxLost,
    SandboxUnavailable,
    Stored,
    UnknownArtifact,
)
from orchestra.executor.domain.attempt import Ending, Failed, HeldAttempt, Succeeded
from orchestra.executor.domain.policy import Level, Limits, Policy, Refusal

OUTPUT = Artifact(path="out.txt", sha256="a" * 64, size=3)
Act = Callable[[SandboxCommand], Awaitable[Outcome]]


@dataclass
class FakeSandbox:
    act: Act
    level: Level = Level.L3
    checks: tuple[()] = ()
    grouping: Grouping = field(default_factory=lambda: Grouping("v1"))
    seen: list[SandboxCommand] = field(default_factory=list[SandboxCommand])

    async def perform(self, command: SandboxCommand, on_started: Callable[[int], None] | None = None) -> Outcome:
        self.seen.append(command)
        if on_started:
            on_started(1)
        return await self.act(command)

    async def close(self) -> None:
        self.seen.clear()


@dataclass
class FakeWorkspaces:
    root: Path
    fault: Exception | None = None
    inputs: list[Input] = field(default_factory=list[Input])

    async def build(self, attempt_id: str, inputs: Iterable[Input]) -> Path:
        self.inputs = list(inputs)
        if isinstance(self.fault, BadWorkspace | UnknownArtifact):
            raise self.fault
        (self.root / attempt_id).mkdir()
        return self.root / attempt_id

    async def altered(self, workspace: Path, given: Mapping[str, str]) -> list[str]:
        return []

    async def collect(
        self, workspace: Path, patterns: Iterable[str], limits: Limits, protected: Sequence[str] = ()
    ) -> tuple[Artifact, ...]:
        if isinstance(self.fault, BadOutputs):
            raise self.fault
        return (OUTPUT,) if list(patterns) else ()

    async def remove(self, *paths: Path) -> None:
        for path in paths:
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)


@dataclass
class FakeArtifacts:
    contents: dict[str, bytes] = field(default_factory=dict[str, bytes])

    async def put(self, source: Path | BinaryIO | AsyncIterable[bytes], expected: str | None = None) -> Stored:
        assert isinstance(source, Path)
        content = source.read_bytes()
        digest = sha256(content).hexdigest()
        self.contents[digest] = content
        return Stored(digest, len(content))

    async def exists(self, sha256: str) -> bool:
        return sha256 in self.contents

    async def open(self, sha256: str) -> BinaryIO:
        raise UnknownArtifact(sha256)

    async def copy(self, sha256: str, destination: Path) -> None:
        raise UnknownArtifact(sha256)


@dataclass
class Scene:
    bench: Bench
    sandbox: FakeSandbox
    workspaces: FakeWorkspaces
    artifacts: FakeArtifacts

    async def perform(self, attempt: HeldAttempt, stopped: asyncio.Future[Failed] | None = None) -> Ending:
        never = asyncio.get_running_loop().create_future()
        return await perform_attempt(self.bench, attempt, stopped or never, lambda _: None)

    def nothing_is_left(self) -> bool:
        return not any(self.workspaces.root.iterdir()) and not any(self.bench.logs.iterdir())


def prints(text: bytes, exit_code: int | None = 0, stopped: str | None = None) -> Act:
    async def act(command: SandboxCommand) -> Outcome:
        command.log.write_bytes(text)
        return Outcome(exit_code, stopped, "", len(text), 120, 80, 5000)  # pyright: ignore[reportArgumentType]

    return act


def raises(error: Exception) -> Act:
    async def act(command: SandboxCommand) -> Outcome:
        raise error

    return act


async def goes_on_for_ever(command: SandboxCommand) -> Outcome:
    command.log.write_bytes(b"so far\n")
    await asyncio.Event().wait()
    raise AssertionError("nobody sets it")


@pytest.fixture
def scene(tmp_path: Path) -> Callable[..., Scene]:
    def make(act: Act, fault: Exception | None = None) -> Scene:
        for name in ("workspaces", "logs"):
            (tmp_path / name).mkdir()
        sandbox, artifacts = FakeSandbox(act), FakeArtifacts()
        workspaces = FakeWorkspaces(tmp_path / "workspaces", fault)
        policy = Policy(tools=frozenset({"tool"}))
        return Scene(
            Bench(sandbox, workspaces, artifacts, policy, tmp_path / "logs", LocalStreams()),
            sandbox,
            workspaces,
            artifacts,
        )

    return make


def command(**fields: object) -> Command:
    return Command.model_validate({"argv": ("tool", "x"), "tools": ("tool",), **fields})


async def test_a_success_has_its_outputs_and_its_evidence(scene: Callable[..., Scene]) -> None:
    here = scene(prints(b"done\n"))

    ending = await here.perform(held(command(outputs=("out.txt",))))

    assert isinstance(ending, Succeeded)
    assert ending.outputs == (OUTPUT,)
    seen = ending.evidence
    assert (seen.exit_code, seen.sandbox_level, seen.duration_ms, seen.cpu_ms, seen.peak_kb) == (0, "L3", 120, 80, 5000)
    assert seen.cgroup == "v1"
    assert seen.log
    assert here.artifacts.contents[seen.log.sha256] == b"done\n"
    assert seen.tail == "done\n"
    assert not seen.dry_run
    assert here.nothing_is_left()


async def test_the_workspace_is_built_from_inputs_and_what_was_handed_on(scene: Callable[..., Scene]) -> None:
    here = scene(prints(b""))
    own, handed_on = Input(path="a", sha256="1" * 64), Input(path="b", sha256="2" * 64)

    await here.perform(held(command(inputs=(own,)), handed_on=(handed_on,)))

    assert here.workspaces.inputs == [own, handed_on]


async def test_the_command_gets_its_own_time_limit_and_the_policys_others(scene: Callable[..., Scene]) -> None:
    here = scene(prints(b""))

    await here.perform(held(command(timeout_s=9)))

    assert here.sandbox.seen[0].timeout_s == 9
    assert here.sandbox.seen[0].limits == here.bench.policy.limits


async def test_a_failure_has_its_log_too(scene: Callable[..., Scene]) -> None:
    here = scene(prints(b"no such file\n", exit_code=2))

    ending = await here.perform(held(command()))

    assert isinstance(ending, Failed)
    assert ending.failure == "transient"
    assert ending.evidence
    assert (ending.evidence.exit_code, ending.evidence.tail) == (2, "no such file\n")
    assert here.nothing_is_left()


async def test_a_text_that_fails_the_attempt_is_found_anywhere_in_the_log(scene: Callable[..., Scene]) -> None:
    here = scene(prints(b"0 tests ran\n" + b"x" * 10_000))

    ending = await here.perform(held(command(fail_on=FailOn(output=("0 tests ran",)))))

    assert isinstance(ending, Failed)
    assert ending.failure == "transient"


async def test_a_missing_output_is_final_and_named(scene: Callable[..., Scene]) -> None:
    here = scene(prints(b"done\n"), BadOutputs("out.txt is missing"))

    ending = await here.perform(held(command(outputs=("out.txt",))))

    assert isinstance(ending, Failed)
    assert (ending.failure, ending.reason) == ("permanent", "out.txt is missing")
    assert ending.evidence
    assert ending.evidence.exit_code == 0


@pytest.mark.parametrize("fault", [BadWorkspace("a is a file and a folder"), UnknownArtifact("gone")])
async def test_a_workspace_that_cannot_be_built_is_final(scene: Callable[..., Scene], fault: Exception) -> None:
    here = scene(prints(b""), fault)

    ending = await here.perform(held(command()))

    assert ending == Failed("permanent", str(fault))
    assert not here.sandbox.seen


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (CommandRefused([Refusal("tool-not-found", "There is no tool.")]), "policy"),
        (SandboxUnavailable("L1 is all there is."), "policy"),
        (SandboxLost("The keeper was killed."), "lost"),
    ],
)
async def test_what_the_sandbox_will_not_do_says_why(
    scene: Callable[..., Scene], error: Exception, failure: str
) -> None:
    here = scene(raises(error))

    assert await here.perform(held(command())) == Failed(failure, str(error))  # pyright: ignore[reportArgumentType]
    assert here.nothing_is_left()


async def test_a_stop_ends_the_command_and_keeps_the_log_so_far(scene: Callable[..., Scene]) -> None:
    here = scene(goes_on_for_ever)
    stopped: asyncio.Future[Failed] = asyncio.get_running_loop().create_future()
    performing = asyncio.create_task(here.perform(held(command()), stopped))
    while not here.sandbox.seen:
        await asyncio.sleep(0)
    stopped.set_result(Failed("cancelled", "Nobody wants it."))

    ending = await performing

    assert isinstance(ending, Failed)
    assert (ending.failure, ending.reason) == ("cancelled", "Nobody wants it.")
    assert ending.evidence
    assert (ending.evidence.tail, ending.evidence.exit_code) == ("so far\n", None)
    assert here.nothing_is_left()


async def test_a_stop_before_the_start_starts_nothing(scene: Callable[..., Scene]) -> None:
    here = scene(goes_on_for_ever)
    stopped: asyncio.Future[Failed] = asyncio.get_running_loop().create_future()
    stopped.set_result(Failed("cancelled", "Nobody wants it."))

    assert await here.perform(held(command()), stopped) == stopped.result()
    assert not here.sandbox.seen
    assert here.nothing_is_left()


async def test_an_end_that_was_reached_before_the_stop_counts(scene: Callable[..., Scene]) -> None:
    stopped: asyncio.Future[Failed] = asyncio.get_running_loop().create_future()

    async def ends_as_it_is_stopped(command: SandboxCommand) -> Outcome:
        stopped.set_result(Failed("cancelled", "Too late."))
        return await prints(b"done\n")(command)

    assert isinstance(await scene(ends_as_it_is_stopped).perform(held(command()), stopped), Succeeded)


async def test_a_cancelled_task_leaves_no_command_behind(scene: Callable[..., Scene]) -> None:
    ended = asyncio.Event()

    async def act(command: SandboxCommand) -> Outcome:
        try:
            return await goes_on_for_ever(command)
        finally:
            ended.set()

    here = scene(act)
    performing = asyncio.create_task(here.perform(held(command())))
    while not here.sandbox.seen:
        await asyncio.sleep(0)
    performing.cancel()

    with pytest.raises(asyncio.CancelledError):
        await performing
    assert ended.is_set()
    assert here.nothing_is_left()


async def test_the_tail_is_text_that_every_database_takes(scene: Callable[..., Scene]) -> None:
    here = scene(prints(b"\xff\x00" + b"\xc3\xa4" * 3000, exit_code=1))

    ending = await here.perform(held(command()))

    assert ending.evidence
    assert ending.evidence.tail == "ä" * 2000
    short = await scene_tail(here, b"a\x00\xffb")
    assert short == "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b"


async def scene_tail(here: Scene, text: bytes) -> str:
    here.sandbox.act = prints(text, exit_code=1)
    ending = await here.perform(held(command()))
    assert ending.evidence
    return ending.evidence.tail
