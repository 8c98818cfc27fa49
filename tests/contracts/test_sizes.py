"""No event is larger than 256 KB, however many files it has to name."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestra.chassis.messaging.message import wrap
from orchestra.contracts.event import Event
from orchestra.contracts.execution import Artifact, AttemptSucceeded, Evidence
from orchestra.contracts.files import LARGEST_EVENT, fitting
from orchestra.contracts.machine_work import AgentAnswer, AgentBrief
from orchestra.contracts.planning import Command, Input
from orchestra.contracts.scheduling import Handed, TaskCompleted, TaskDispatched
from orchestra.planner.domain.check import MAX_TASK_BYTES
from orchestra.planner.domain.check_agents import MAX_AGENT_BYTES
from orchestra.scheduler.application.dispatch import dispatched
from orchestra.scheduler.domain.work.checkpoint import carried
from orchestra.scheduler.domain.work.dialogue import Dialogue, lacking, resumed

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
OURS: dict[str, Any] = {"workspace_id": "wsp_" + "1" * 36, "project_id": "prj_" + "1" * 36}
TASK, ATTEMPT, RUN = ("tsk_" + "1" * 36, "att_" + "1" * 36, "run_" + "1" * 36)
HASH = "f" * 64


def size(event: Event) -> int:
    envelope = wrap(
        event, event_id="evt_" + "1" * 36, source="/workspaces/w/services/s", time=NOW, traceparent="t" * 55
    )
    return len(envelope.to_json().encode())


def named(stem: str, number: int, suffix: str = "") -> list[str]:
    return [f"{stem}{n}{suffix}" for n in range(number)]


names = st.builds(
    named,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=900),
    st.integers(0, 5000),
    st.sampled_from(["", "\\", "é"]),
)


@given(names)
@settings(max_examples=40, deadline=None)
def test_what_fits_in_a_list_fits_in_every_event_that_has_it(outputs: list[str]) -> None:
    outputs = outputs[: fitting(outputs)]
    results = tuple(Handed(path=path, sha256=HASH) for path in outputs)
    command = Command(argv=("x" * MAX_TASK_BYTES,), tools=("x",))
    ids: dict[str, Any] = {**OURS, "task_id": TASK, "attempt_id": ATTEMPT, "token": 2**31}
    artifacts = tuple(Artifact(path=path, sha256=HASH, size=10**12) for path in outputs)
    evidence = Evidence(sandbox_level="L3", duration_ms=1, tail="\x01" * 2000)

    for event in (
        TaskDispatched(
            **ids,
            run_id=RUN,
            number=9,
            title="t" * 200,
            command=command,
            handed_on=results,
            guidance=carried(["\x01" * 4000] * 20),
            at=NOW,
        ),
        AttemptSucceeded(**ids, started_at=NOW, ended_at=NOW, outputs=artifacts, evidence=evidence),
        TaskCompleted(
            **OURS,
            task_id=TASK,
            plan_id=TASK,
            run_id=RUN,
            key="k",
            covers=("R" * MAX_TASK_BYTES,),
            outputs=tuple(Input(path=path, sha256=HASH) for path in outputs),
            at=NOW,
        ),
    ):
        assert size(event) <= LARGEST_EVENT


def test_what_predecessors_left_is_cut_and_the_rest_is_counted() -> None:
    work: Any = SimpleNamespace(now=NOW)
    task: Any = SimpleNamespace(
        **OURS,
        id=TASK,
        command=Command(argv=("x",), tools=("x",)),
        attempts=0,
        token=0,
        key="t",
        title="t",
        guidance=(),
        edits=(),
        dialogue=None,
    )
    run: Any = SimpleNamespace(id=RUN, dry_run=False)
    files = tuple(Handed(path=f"file-{n}", sha256=HASH) for n in range(10_000))

    event = dispatched(work, task, ATTEMPT, files, run)

    assert len(event.handed_on) + event.left_out == len(files)
    assert 0 < len(event.handed_on) < len(files)
    assert dispatched(work, task, ATTEMPT, files[:5], run).left_out == 0


@given(names, st.sampled_from(["x", "\x01", "é", "\\"]))
@settings(max_examples=40, deadline=None)
def test_a_dispatch_to_an_agent_fits_with_all_that_was_said(paths: list[str], letter: str) -> None:
    said: Dialogue | None = None
    artifacts = [Artifact(path=path, sha256=HASH, size=10**12) for path in paths]
    for n in range(20):
        answer = AgentAnswer(checkpoint_id=TASK, about="question", id=f"q{n}", text=letter * 4000, by="b" * 200)
        said = lacking(resumed(said, answer), letter * 4000, artifacts)
    work: Any = SimpleNamespace(now=NOW)
    brief = AgentBrief(instructions="x" * MAX_AGENT_BYTES)
    task: Any = SimpleNamespace(
        **OURS,
        id=TASK,
        command=Command(agent=brief),
        attempts=0,
        token=0,
        key="k" * 64,
        title="t" * 200,
        guidance=carried([letter * 4000] * 20),
        edits=(),
        dialogue=said,
    )
    run: Any = SimpleNamespace(id=RUN, dry_run=False)
    files = tuple(Handed(path=path, sha256=HASH, key="k" * 64, title="t" * 200) for path in paths)

    event = dispatched(work, task, ATTEMPT, files, run, agent="a" * 64)

    assert size(event) <= LARGEST_EVENT
    assert len(event.feedback) == 3
