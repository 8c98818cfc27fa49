"""Commands that come as dispatches are really performed, and the scheduler hears what became of them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from services.executor.tests.dispatches import dispatched, python
from services.executor.tests.integration.harness import Executor, envelope, processes_with, until

from orchestra.chassis.ids import new_id
from orchestra.chassis.settings import InvalidSettings
from orchestra.contracts.execution import AttemptFailed, AttemptStarted, AttemptSucceeded
from orchestra.contracts.planning import Command, FailOn, Input

LEVELS = ("L2", "L3")


@pytest.fixture
async def executor(url: str, tmp_path: Path) -> AsyncIterator[Executor]:
    async with Executor(url, tmp_path, tools=frozenset({"sleep"})).at_work() as running:
        yield running
    assert running.leftovers() == []


async def test_a_command_gets_its_inputs_and_hands_its_outputs_on(executor: Executor) -> None:
    notes = await executor.upload("notes.txt", b"one two three\n")
    first = await executor.perform(
        python(
            "open('count.txt', 'w').write(str(len(open('notes.txt').read().split())))",
            inputs=(notes,),
            outputs=("*.txt",),
        )
    )

    assert isinstance(first, AttemptSucceeded)
    assert [output.path for output in first.outputs] == ["count.txt", "notes.txt"]
    assert await executor.content(first.outputs[0].sha256) == b"3"
    assert first.evidence.exit_code == 0
    assert first.evidence.sandbox_level in LEVELS
    assert first.evidence.duration_ms > 0

    handed_on = tuple(Input(path=f"from/{o.path}", sha256=o.sha256) for o in first.outputs)
    second = await executor.perform(
        python("print('counted', open('from/count.txt').read())", needs=("from/count.txt",)), handed_on=handed_on
    )

    assert isinstance(second, AttemptSucceeded)
    assert second.evidence.tail == "counted 3\n"


async def test_an_attempt_and_its_log_are_shown(executor: Executor) -> None:
    event = dispatched(python("print('hello')", outputs=()))
    await executor.dispatch(event)
    await executor.outcome(event)

    shown = await executor.show(event)
    async with executor.client() as client:
        log = await client.get(f"/attempts/{event.attempt_id}/log")

    assert (shown["status"], shown["number"], shown["task_id"]) == ("succeeded", 1, event.task_id)
    assert shown["evidence"]["exit_code"] == 0
    assert (log.text, log.headers["content-type"]) == ("hello\n", "text/plain; charset=utf-8")


async def test_a_failing_command_may_be_tried_again_and_shows_its_log(executor: Executor) -> None:
    outcome = await executor.perform(python("import sys; print('so far'); sys.exit('no luck')"))

    assert isinstance(outcome, AttemptFailed)
    assert (outcome.failure, outcome.reason) == ("transient", "It ended with status 1.")
    assert outcome.evidence
    assert outcome.evidence.log
    assert sorted((await executor.content(outcome.evidence.log.sha256)).split(b"\n")) == [b"", b"no luck", b"so far"]


async def test_a_listed_status_is_final(executor: Executor) -> None:
    outcome = await executor.perform(python("raise SystemExit(42)", fail_on=FailOn(exit=(42,))))

    assert isinstance(outcome, AttemptFailed)
    assert outcome.failure == "permanent"


async def test_a_listed_text_fails_a_command_that_ends_well(executor: Executor) -> None:
    outcome = await executor.perform(python("print('0 tests ran')", fail_on=FailOn(output=("0 tests ran",))))

    assert isinstance(outcome, AttemptFailed)
    assert outcome.failure == "transient"
    assert "0 tests ran" in outcome.reason


async def test_a_missing_output_is_final_and_named(executor: Executor) -> None:
    outcome = await executor.perform(python("print('done')", outputs=("report.txt",)))

    assert isinstance(outcome, AttemptFailed)
    assert outcome.failure == "permanent"
    assert "report.txt" in outcome.reason
    assert outcome.evidence
    assert outcome.evidence.exit_code == 0


async def test_an_input_that_nobody_uploaded_is_final_and_named(executor: Executor) -> None:
    outcome = await executor.perform(python("", inputs=(Input(path="notes.txt", sha256="0" * 64),)))

    assert isinstance(outcome, AttemptFailed)
    assert (outcome.failure, outcome.evidence) == ("permanent", None)
    assert "notes.txt" in outcome.reason


async def test_the_content_of_another_workspace_is_not_used(executor: Executor) -> None:
    secret = await executor.upload("secret.txt", b"theirs", workspace="wsp_2")

    outcome = await executor.perform(python("print(open('secret.txt').read())", inputs=(secret,)))

    assert isinstance(outcome, AttemptFailed)
    assert outcome.failure == "permanent"


async def test_the_time_limit_ends_a_command(executor: Executor) -> None:
    outcome = await executor.perform(python("print('begun', flush=True)\nwhile True: pass", timeout_s=1))

    assert isinstance(outcome, AttemptFailed)
    assert outcome.failure == "timeout"
    assert outcome.evidence
    assert outcome.evidence.tail == "begun\n"


async def test_a_tool_outside_the_policy_is_refused_and_nothing_runs(executor: Executor) -> None:
    outcome = await executor.perform(Command(argv=("curl", "http://x"), tools=("curl",)))

    assert isinstance(outcome, AttemptFailed)
    assert (outcome.failure, outcome.evidence) == ("policy", None)
    assert "curl" in outcome.reason


async def test_a_withdrawal_ends_the_command_and_leaves_no_process(executor: Executor) -> None:
    mark = new_id("mark")
    event = dispatched(
        python(f"import os, time\nprint('begun', flush=True)\nos.fork()\nopen('marker', 'w')\ntime.sleep(60) # {mark}")
    )
    await executor.dispatch(event)
    await executor.is_started(event, "marker")
    assert processes_with(mark)
    await executor.withdraw(event, "Nobody wants it.")

    outcome = await executor.outcome(event)

    assert isinstance(outcome, AttemptFailed)
    assert (outcome.failure, outcome.reason) == ("cancelled", "Nobody wants it.")
    assert outcome.evidence
    assert outcome.evidence.tail == "begun\n"
    assert processes_with(mark) == []
    assert (await executor.show(event))["status"] == "failed"


async def test_a_withdrawal_that_comes_first_wins(executor: Executor) -> None:
    gone, other = dispatched(python("print(1)")), dispatched(python("print(2)"))
    await executor.withdraw(gone)
    await executor.dispatch(gone, other)

    await executor.outcome(other)

    assert await executor.outcomes(gone) == []


async def test_a_dispatch_that_comes_twice_is_performed_once(executor: Executor) -> None:
    event = dispatched(python("print(1)"))
    once = envelope(event)
    await executor.hear(once, once)
    await executor.outcome(event)
    await executor.hear(once)
    await executor.dispatch(event)
    await executor.perform(python("print(2)"))

    assert len(await executor.outcomes(event)) == 1


async def test_what_follows_from_a_dispatch_belongs_to_its_trace(executor: Executor) -> None:
    traces = [f"00-{n:032x}-{n:016x}-01" for n in (1, 2)]
    events = [dispatched(python("print(1)")), dispatched(python("print(2)"), dry_run=True)]
    await executor.hear(*(envelope(event, trace) for event, trace in zip(events, traces, strict=True)))
    for event in events:
        await executor.outcome(event)

    told = {sent.cloud.subject: sent.cloud.traceparent for sent in await executor.published()}

    assert [str(told[event.attempt_id])[:35] for event in events] == [trace[:35] for trace in traces]


async def test_a_start_is_told_when_the_command_runs_for_a_second(executor: Executor) -> None:
    slow, quick = dispatched(python("import time; time.sleep(1.5)")), dispatched(python("print(1)"))
    await executor.dispatch(slow, quick)
    for event in (slow, quick):
        assert isinstance(await executor.outcome(event), AttemptSucceeded)

    facts = [sent.event for sent in await executor.published()]

    assert [fact.attempt_id for fact in facts if isinstance(fact, AttemptStarted)] == [slow.attempt_id]
    kinds = [type(fact) for fact in facts if fact.subject == slow.attempt_id]
    assert kinds == [AttemptStarted, AttemptSucceeded]


async def test_no_more_commands_run_than_there_are_slots(executor: Executor) -> None:
    events = [dispatched(python("open('marker', 'w').close()\nwhile True: pass", timeout_s=60)) for _ in range(3)]
    await executor.dispatch(*events)
    for event in events[:2]:
        await executor.is_started(event, "marker")

    assert (await executor.show(events[2]))["status"] == "queued"
    for event in events[:2]:
        await executor.withdraw(event)
    await executor.is_started(events[2], "marker")
    await executor.withdraw(events[2])
    assert isinstance(await executor.outcome(events[2]), AttemptFailed)


async def test_a_dry_run_performs_nothing(executor: Executor, tmp_path: Path) -> None:
    notes = await executor.upload("notes.txt", b"one")
    command = python("open('out.txt', 'w')", inputs=(notes,), needs=("made/before.txt",), outputs=("out.txt",))
    stored = sorted((tmp_path / "artifacts").rglob("*"))

    outcome = await executor.perform(command, dry_run=True)

    assert isinstance(outcome, AttemptSucceeded)
    assert (outcome.evidence.dry_run, outcome.evidence.sandbox_level, outcome.outputs) == (True, "none", ())
    assert sorted((tmp_path / "artifacts").rglob("*")) == stored


async def test_a_dry_run_finds_what_would_be_refused(executor: Executor) -> None:
    refused = await executor.perform(Command(argv=("curl",), tools=("curl",)), dry_run=True)
    missing = await executor.perform(python("", inputs=(Input(path="a", sha256="1" * 64),)), dry_run=True)

    assert isinstance(refused, AttemptFailed)
    assert isinstance(missing, AttemptFailed)
    assert (refused.failure, missing.failure) == ("policy", "permanent")


async def test_many_dry_runs_at_once_all_end(executor: Executor) -> None:
    events = [dispatched(python("print(1)"), dry_run=True) for _ in range(600)]
    for first in range(0, 600, 200):
        await executor.dispatch(*events[first : first + 200])

    async def all_told() -> bool:
        return len(await executor.published()) == len(events)

    await until(all_told)
    told = {sent.cloud.subject for sent in await executor.published()}
    assert told == {event.attempt_id for event in events}


async def test_an_attempt_is_told_which_try_it_is(executor: Executor) -> None:
    outcome = await executor.perform(python("import os; print(os.environ['ORCHESTRA_ATTEMPT'])"), number=3)

    assert isinstance(outcome, AttemptSucceeded)
    assert outcome.evidence.tail == "3\n"


async def test_a_command_has_the_fencing_tokens_of_its_mutexes(executor: Executor) -> None:
    code = "import os; print(os.environ['ORCHESTRA_MUTEX_PRESS_1'], os.environ['ORCHESTRA_MUTEX_DATABASE'])"
    outcome = await executor.perform(python(code), mutexes={"press.1": 7, "database": 12})

    assert isinstance(outcome, AttemptSucceeded)
    assert outcome.evidence.tail == "7 12\n"


async def test_an_attempt_finds_the_guidance_of_people_in_its_environment(executor: Executor) -> None:
    show = python("import os; print(os.environ.get('ORCHESTRA_GUIDANCE'))")
    unguided = await executor.perform(show)
    guided = await executor.perform(show, guidance=("Mind the gap.", "And the door: é \N{OLD ITALIC LETTER A}\nnow."))
    most = await executor.perform(
        python("import os; print(len(os.environ['ORCHESTRA_GUIDANCE']))"), guidance=("\x01" * 3000, "é" * 10_000)
    )

    outcomes = (unguided, guided, most)
    assert all(isinstance(outcome, AttemptSucceeded) for outcome in outcomes)
    assert [outcome.evidence.tail for outcome in outcomes if outcome.evidence] == [
        "None\n",
        "Mind the gap.\n\nAnd the door: é \N{OLD ITALIC LETTER A}\nnow.\n",
        "13002\n",
    ]


async def test_the_executor_stays_well_while_it_works(executor: Executor) -> None:
    await asyncio.gather(*(executor.perform(python(f"print({n})")) for n in range(6)))

    async with executor.client() as client:
        ready = (await client.get("/readyz")).json()

    assert ready["ready"], ready
    assert ready["notes"]["sandbox"] in LEVELS
    assert ready["notes"]["cgroups"] in ("v1", "v2") or ready["notes"]["cgroups"].startswith("none: ")
    assert ready["checks"]["sandbox"]["ok"]


async def test_content_that_has_gone_from_the_store_is_final_and_named(url: str, tmp_path: Path) -> None:
    async with Executor(url, tmp_path).at_work() as executor:
        first, gone = await executor.upload("a.txt", b"one"), await executor.upload("b.txt", b"two")
        [stored] = tmp_path.glob(f"artifacts/**/{gone.sha256[2:]}")
        stored.unlink()

        outcome = await executor.perform(python("print(1)", inputs=(first, gone)))

    assert isinstance(outcome, AttemptFailed)
    assert outcome.failure == "permanent"
    assert gone.sha256 in outcome.reason
    assert executor.leftovers() == []


@pytest.mark.parametrize(
    "change",
    [
        "open('.git/hooks/pre-commit', 'w').write('evil')",
        "import os; os.unlink('.git/hooks/pre-commit')",
        "import os; os.rename('.git', 'x'); os.makedirs('.git/hooks'); open('.git/hooks/pre-commit', 'w').write('x')",
        "import os; os.rename('.git/hooks', '.git/old')",
    ],
)
async def test_a_hook_that_was_given_is_not_changed(executor: Executor, change: str) -> None:
    hook = await executor.upload(".git/hooks/pre-commit", b"kind")
    outcome = await executor.perform(
        python(f"try:\n    {change}\nexcept OSError as error: print(error)", inputs=(hook,), outputs=())
    )
    kept = isinstance(outcome, AttemptSucceeded) and "evil" not in (outcome.evidence.tail or "")
    told = isinstance(outcome, AttemptFailed) and outcome.failure == "permanent"
    assert kept or told, outcome
    if isinstance(outcome, AttemptFailed):
        assert outcome.reason == "It changed '.git/hooks/pre-commit', which the policy protects."


async def test_what_is_given_in_a_protected_place_can_be_read(executor: Executor) -> None:
    hook = await executor.upload(".git/hooks/pre-commit", b"kind")
    outcome = await executor.perform(python("print(open('.git/hooks/pre-commit').read())", inputs=(hook,)))
    assert isinstance(outcome, AttemptSucceeded)
    assert outcome.evidence.tail == "kind\n"


async def test_a_hook_is_no_output(executor: Executor) -> None:
    made = "import os; os.makedirs('.git/hooks'); open('.git/hooks/pre-commit', 'w').close()"
    outcome = await executor.perform(python(made, outputs=("**",)))
    assert isinstance(outcome, AttemptFailed)
    assert outcome.failure == "permanent"
    assert ".git/hooks/pre-commit is protected by the policy" in outcome.reason


async def test_a_policy_is_read_from_its_file(url: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    shown = tmp_path / "models"
    shown.mkdir()
    (shown / "model").write_text("weights")
    for folder in (shown, *shown.parents[:-2]):
        folder.chmod(0o755)
    file.write_text(f'tools = ["python3"]\n[limits]\nfile_bytes = 1000\n[paths]\nreadable = ["{shown}"]\n')
    async with Executor(url, tmp_path, policy_file=file).at_work() as executor:
        read = await executor.perform(python(f"print(open('{shown}/model').read())"))
        assert isinstance(read, AttemptSucceeded)
        assert read.evidence.tail == "weights\n"
        written = await executor.perform(python(f"open('{shown}/made', 'w')"))
        assert isinstance(written, AttemptFailed)
        large = await executor.perform(python("open('x', 'w').truncate(1001)", outputs=("x",)))
        assert isinstance(large, AttemptFailed)
        refused = await executor.perform(Command(argv=("true",), tools=("true",)))
        assert isinstance(refused, AttemptFailed)
        assert refused.failure == "policy"


async def test_an_executor_does_not_start_with_a_bad_policy(url: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("tolls = []")
    with pytest.raises(InvalidSettings, match=r"policy.toml is no policy:\n  tolls: there is no such field"):
        async with Executor(url, tmp_path, policy_file=file).at_work():
            pass
