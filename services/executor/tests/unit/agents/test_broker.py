"""The broker whatever happens: calls of all sorts of tools, whoever makes them killed at any moment, approvals."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.contracts.machine_work import AgentAnswer, AgentBrief
from orchestra.contracts.planning import Command
from orchestra.contracts.suspensions import ApprovalNeeded, Suspension
from orchestra.executor.adapters.agents.schema import faults_of
from orchestra.executor.application.agents.broker import Broker
from orchestra.executor.application.agents.journal_ports import ApprovalUsed, Entry, EntryStatus
from orchestra.executor.application.agents.ports import Assignment, Waits
from orchestra.executor.domain.agents.calls import Effect, Effected, ToolCall, ToolResult, ToolSpec

Sort = Literal["reads", "writes", "keyed", "found", "blind"]
"""Of tools: without effect; in the workspace; outside and known by its key, to be looked up, or neither."""
SORTS: tuple[Sort, ...] = ("reads", "writes", "keyed", "found", "blind")
EFFECT: Mapping[Sort, Effect] = {"reads": "none", "writes": "workspace"}
SCHEMA = {
    "type": "object",
    "properties": {"of": {"type": "integer"}},
    "required": ["of"],
    "additionalProperties": False,
}


ASSIGNMENT = Assignment(
    workspace_id="wsp_1",
    project_id="prj_1",
    run_id="run_1",
    task_id="tsk_1",
    attempt_id="att_1",
    token=1,
    conversation="the one",
    agent="house",
    command=Command(agent=AgentBrief()),
    folder=Path("/nowhere"),
    log=Path("/nowhere"),
)


class Killed(Exception):
    """Whoever performs the attempt is gone, at this moment."""


@dataclass
class World:
    """What stays when somebody is killed."""

    done: list[tuple[Sort, str]] = field(default_factory=list[tuple[Sort, str]])
    """Effects outside, each with the key that it was made under."""
    entries: list[tuple[str, int, str, Entry, str]] = field(default_factory=list[tuple[str, int, str, Entry, str]])
    """Conversation, place, digest, entry, effect."""
    used: dict[str, str] = field(default_factory=dict[str, str])
    steps: int = 0
    killed_at: frozenset[int] = frozenset()

    def step(self) -> None:
        """A moment at which somebody may be killed."""
        self.steps += 1
        if self.steps in self.killed_at:
            raise Killed


@dataclass
class FakeJournal:
    world: World

    async def opening(self, assignment: Assignment, make: Any) -> str:
        return await make()

    async def find(self, conversation: str, call: ToolCall) -> Entry | None:
        same = [e[3] for e in self.world.entries if e[:3] == (conversation, call.place, call.digest)]
        return same[-1] if same else None

    async def unsure(self, assignment: Assignment, call: ToolCall) -> Entry | None:
        return next((e[3] for e in self.world.entries if e[2] == call.digest and _is_open(e)), None)

    async def used(self, checkpoints: Collection[str]) -> set[str]:
        return set(self.world.used) & set(checkpoints)

    async def begin(
        self,
        assignment: Assignment,
        call: ToolCall,
        spec: ToolSpec,
        summary: str,
        *,
        key: str,
        approval: str | None,
        instead_of: Entry | None,
    ) -> Entry:
        self.world.step()
        if approval is not None:
            if approval in self.world.used:
                raise ApprovalUsed(approval)
            self.world.used[approval] = call.digest
        if instead_of is not None:
            self._set(instead_of.key, "unknown", "", ())
        entry = Entry(f"{len(self.world.entries)}", key, "begun")
        effect = "repeatable" if spec.repeatable and spec.effect == "outside" else spec.effect
        self.world.entries.append((assignment.conversation, call.place, call.digest, entry, effect))
        self.world.step()
        return entry

    async def end(
        self, assignment: Assignment, entry: Entry, status: EntryStatus, result: str, effected: Sequence[Effected]
    ) -> None:
        self.world.step()
        self._set(entry.key, status, result, effected)
        self.world.step()

    async def decided(
        self, assignment: Assignment, call: ToolCall, status: EntryStatus, reason: str, summary: str
    ) -> None:
        entry = Entry(f"{len(self.world.entries)}", f"decided {len(self.world.entries)}", status, reason)
        self.world.entries.append((assignment.conversation, call.place, call.digest, entry, "none"))

    async def effects(self, assignment: Assignment) -> Sequence[str]:
        return ()

    def _set(self, key: str, status: EntryStatus, result: str, effected: Sequence[Effected]) -> None:
        for n, (conversation, place, digest, entry, effect) in enumerate(self.world.entries):
            if entry.key == key and entry.status == "begun":
                ended = replace(entry, status=status, text=result, effected=tuple(effected))
                self.world.entries[n] = (conversation, place, digest, ended, effect)


def _is_open(entry: tuple[str, int, str, Entry, str]) -> bool:
    return entry[3].status == "begun" and entry[4] == "outside"


class FakeFiles:
    """The workspace of one attempt: it is gone with it."""

    def __init__(self) -> None:
        self.written: set[str] = set()
        self._fresh: list[str] = []

    def write(self, path: str) -> None:
        self.written.add(path)
        self._fresh.append(path)

    async def changes(self) -> Sequence[Effected]:
        fresh, self._fresh = self._fresh, []
        return [Effected(path, "0" * 64) for path in fresh]

    async def restore(self, effected: Sequence[Effected]) -> None:
        self.written |= {each.path for each in effected}

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"nobody asks for {name}")


@dataclass
class FakeTool:
    sort: Sort
    world: World
    files: FakeFiles

    @property
    def spec(self) -> ToolSpec:
        effect: Effect = EFFECT.get(self.sort, "outside")
        return ToolSpec(self.sort, "", SCHEMA, effect, repeatable=self.sort not in ("found", "blind"))

    def refusal(self, arguments: Mapping[str, Any]) -> str | None:
        return "Seven is forbidden." if arguments["of"] == 7 else None

    def summary(self, arguments: Mapping[str, Any]) -> str:
        return f"{self.sort} {arguments['of']}"

    async def perform(self, arguments: Mapping[str, Any], key: str) -> ToolResult:
        self.world.step()
        if self.sort == "writes":
            self.files.write(str(arguments["of"]))
        elif self.sort != "reads" and not (self.sort == "keyed" and ("keyed", key) in self.world.done):
            self.world.done.append((self.sort, key))
        self.world.step()
        return ToolResult(f"{self.sort} of {arguments['of']}")

    async def look_up(self, key: str) -> ToolResult | None:
        return ToolResult("it was done") if self.sort == "found" and ("found", key) in self.world.done else None


CALLS = st.lists(
    st.tuples(st.sampled_from(SORTS), st.sampled_from([1, 2, 7])), min_size=1, max_size=4
)  # five of the same would be a loop


@given(
    calls=CALLS,
    approve=st.frozensets(st.sampled_from(SORTS)),
    killed_at=st.frozensets(st.integers(1, 40), max_size=6),
)
@settings(max_examples=500, deadline=None)
def test_nothing_is_done_twice_but_by_a_persons_word(
    calls: list[tuple[Sort, int]], approve: frozenset[Sort], killed_at: frozenset[int]
) -> None:
    asyncio.run(_play(calls, approve, killed_at))


async def _play(calls: list[tuple[Sort, int]], approve: frozenset[Sort], killed_at: frozenset[int]) -> None:
    world = World(killed_at=killed_at)
    granted: list[AgentAnswer] = []
    told: list[str] | None = None
    files = FakeFiles()
    for _ in range(200):
        files = FakeFiles()
        try:
            told = await _attempt(world, files, calls, approve, granted)
        except Killed:
            continue
        except Waits as waits:
            granted.append(_approved(waits.suspension, f"chk_{len(granted)}"))
            continue
        break
    assert told is not None, "it comes to an end"
    wanted = [(sort, of) for sort, of in calls if of != 7]
    outside = [sort for sort, _ in wanted if sort in ("keyed", "found", "blind")]
    made = [sort for sort, _ in world.done]
    for sort in ("keyed", "found"):
        assert made.count(sort) == outside.count(sort)
    # One that nobody can look up is made again where a person has said so, each time that it was cut off.
    again = made.count("blind") - outside.count("blind")
    assert 0 <= again <= len(killed_at)
    assert again <= sum(e[3].status == "unknown" for e in world.entries)
    assert files.written == {str(of) for sort, of in wanted if sort == "writes"}
    assert not any(_is_open(entry) for entry in world.entries)
    assert len({key for _, key in world.done}) == len(world.done)
    for (sort, of), text in zip(calls, told, strict=True):
        assert text.startswith("Refused: Seven" if of == 7 else (f"{sort} of {of}", "it was done"))
    needed = sum(sort in approve for sort, _ in wanted)
    assert needed <= len(world.used) <= len(granted)


def _approved(asked: Suspension, checkpoint: str) -> AgentAnswer:
    assert isinstance(asked, ApprovalNeeded)
    return AgentAnswer(checkpoint_id=checkpoint, about="approval", id=asked.digest, approved=True, by="ana")


async def _attempt(
    world: World, files: FakeFiles, calls: list[tuple[Sort, int]], approve: frozenset[Sort], granted: list[AgentAnswer]
) -> list[str]:
    assignment = replace(ASSIGNMENT, answers=tuple(granted))
    tools = {sort: FakeTool(sort, world, files) for sort in SORTS}
    broker = Broker(assignment, FakeJournal(world), files, tools, approve, faults_of, lambda _: None)
    return [await broker.use(sort, {"of": of}) for sort, of in calls]


def test_what_is_no_tool_or_has_the_wrong_form_is_refused_and_written_down() -> None:
    world = World()

    async def play() -> list[str]:
        files = FakeFiles()
        tools = {"reads": FakeTool("reads", world, files)}
        broker = Broker(ASSIGNMENT, FakeJournal(world), files, tools, frozenset(), faults_of, lambda _: None)
        return [
            await broker.use("writes", {"of": 1}),
            await broker.use("reads", {}),
            await broker.use("reads", {"of": "1"}),
            await broker.use("reads", {"of": 1, "as": "root"}),
        ]

    told = asyncio.run(play())
    assert [text.partition(":")[0] for text in told] == ["Refused"] * 4
    assert [entry[3].status for entry in world.entries] == ["refused"] * 4
