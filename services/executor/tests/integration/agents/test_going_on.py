"""Attempts that go on where an earlier one was ended from outside, and what verification makes of work."""

from pathlib import Path

from services.executor.tests.integration.agents.theatre import (
    again,
    agent_work,
    agents_at,
    asked,
    decisions,
    finishes,
    ledger,
    runs,
    writes,
)
from services.executor.tests.integration.harness import Executor, until
from tests.standins import ModelStandIn, calls_tool, says, stalls

from orchestra.contracts.execution import AttemptFailed, AttemptSucceeded
from orchestra.contracts.scheduling import TaskDispatched
from orchestra.executor.application.agents.registry_ports import Learned
from orchestra.executor.domain.agents.registry import KNOWN_BY

TOOLS = {"tools": ("write_file", "read_file", "run_command", "apply_patch")}
COUNT = "n = int(open('n').read()) if __import__('os').path.exists('n') else 0; open('n', 'w').write(str(n + 1))"


async def has_stalled(provider: ModelStandIn) -> None:
    async def there() -> bool:
        return provider.stalled > 0

    await until(there)


async def test_one_that_was_stopped_in_the_middle_is_gone_on_with_and_nothing_is_done_twice(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    provider.script(writes("poem.txt", "Ships.\n"), runs("python3", "-c", COUNT), stalls())
    event = agent_work(TOOLS, outputs=("poem.txt", "n"), tools=("python3",))
    async with agents_at(url, tmp_path, provider, stop_grace_seconds=0) as executor:
        await executor.dispatch(event)
        await has_stalled(provider)
    async with agents_at(url, tmp_path, provider) as executor:
        [lost] = await executor.outcomes(event)
        assert isinstance(lost, AttemptFailed)
        assert lost.failure == "lost"
        provider.script(finishes())
        second = again(event)
        await executor.dispatch(second)
        ended = await executor.outcome(second)
        assert isinstance(ended, AttemptSucceeded), ended
        poem, number = [await executor.content(output.sha256) for output in sorted(ended.outputs, key=_by_name)][::-1]
        assert (poem, number) == (b"Ships.\n", b"1"), "the command was not run again"
        assert await decisions(executor) == [("write_file", "done"), ("run_command", "done")]
        assert sorted(await ledger(executor)) == [("attempt", "settled")] * 3 + [("attempt", "unknown")]
        assert len(asked(provider)) == 4, "only the unknown one is repeated"


async def begun_by_ada(url: str, folder: Path, provider: ModelStandIn, event: TaskDispatched) -> None:
    """She is the one agent, writes a file, and her process is ended; then there is a better one."""
    provider.script(writes("poem.txt", "Ships.\n"), stalls())
    async with agents_at(url, folder, provider, stop_grace_seconds=0) as executor:
        async with executor.client() as client:
            await client.put("/agents/ada", json={"model": "sonnet"})
        await executor.dispatch(event)
        await has_stalled(provider)
        async with executor.client() as client:
            await client.put("/agents/bob", json={"model": "sonnet"})
        async with executor.database.begin() as work:
            await work.registry.learn(*[Learned(event.workspace_id, "bob", "code", "done", 1, 1)] * KNOWN_BY)


async def agent_of(executor: Executor, event: TaskDispatched) -> str:
    await executor.dispatch(event)
    ended = await executor.outcome(event)
    assert isinstance(ended, AttemptSucceeded), ended
    return ended.evidence.agent


async def test_whoever_has_begun_it_goes_on_with_it(url: str, tmp_path: Path, provider: ModelStandIn) -> None:
    event = agent_work(TOOLS)
    await begun_by_ada(url, tmp_path, provider, event)
    provider.otherwise = finishes()
    async with agents_at(url, tmp_path, provider) as executor:
        second = again(event)
        assert await agent_of(executor, second) == "ada"
        assert await agent_of(executor, agent_work(TOOLS)) == "bob", "what nobody has begun is the better one's"
        assert await agent_of(executor, again(second)) == "bob", "the second has ended its conversation"


async def test_another_goes_on_only_where_whoever_has_begun_it_is_not_there(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    event = agent_work(TOOLS)
    await begun_by_ada(url, tmp_path, provider, event)
    provider.otherwise = finishes()
    async with agents_at(url, tmp_path, provider) as executor:
        async with executor.client() as client:
            await client.post("/agents/ada/pause")
        assert await agent_of(executor, again(event)) == "bob"


def _by_name(output: object) -> str:
    return str(getattr(output, "path", ""))


async def test_a_failure_begins_anew_with_what_was_found_wanting(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    gaps = calls_tool("answer", verdict="gaps_found", findings=["It has no title."])
    provider.script(writes("poem.txt", "Ships.\n"), finishes("Done."), gaps)
    async with agents_at(url, tmp_path, provider) as executor:
        event = agent_work({**TOOLS, "verify": "model", "criteria": ("It has a title.",)}, outputs=("poem.txt",))
        await executor.dispatch(event)
        first = await executor.outcome(event)
        assert isinstance(first, AttemptSucceeded)
        assert first.evidence.verification is not None
        assert first.evidence.verification.verdict == "gaps_found"
        assert first.evidence.verification.findings == ("It has no title.",)

        passed = calls_tool("answer", verdict="passed", findings=[])
        provider.script(calls_tool("apply_patch", patch=PATCH), finishes("It has one now."), passed)
        kept = tuple({"path": o.path, "sha256": o.sha256} for o in first.outputs)
        second = type(event).model_validate(again(event, feedback=("It has no title.",)).model_dump() | {"kept": kept})
        await executor.dispatch(second)
        ended = await executor.outcome(second)
        assert isinstance(ended, AttemptSucceeded)
        assert ended.evidence.verification is not None
        assert ended.evidence.verification.verdict == "passed"
        assert await executor.content(ended.outputs[0].sha256) == b"Harbour\nShips.\n"
        told = asked(provider)[3]
        assert "What earlier tries were found to lack" in told
        assert "It has no title." in told
        assert [purpose for purpose, _ in await ledger(executor)].count("verify") == 2


PATCH = "--- a/poem.txt\n+++ b/poem.txt\n@@ -1 +1,2 @@\n+Harbour\n Ships.\n"


async def test_a_verification_that_cannot_be_understood_is_a_persons_to_decide(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    provider.script(writes("poem.txt", "Ships.\n"), finishes())
    provider.otherwise = says("Looks good to me, passed!")
    async with agents_at(url, tmp_path, provider) as executor:
        ended = await _verified(executor, {"verify": "model"})
    assert ended.evidence.verification is not None
    assert ended.evidence.verification.verdict == "human_needed"


async def test_checks_are_run_and_what_they_are_made_of_is_not_the_agents_to_change(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    provider.script(
        writes("check.py", "pass"),
        runs("python3", "-c", "open('check.py', 'w').write('pass')"),
        writes("poem.txt", "Short.\n"),
        finishes(),
    )
    async with agents_at(url, tmp_path, provider) as executor:
        script = await executor.upload("check.py", b"assert len(open('poem.txt').read()) > 100, 'it is too short'")
        brief = {"verify": "checks", "checks": (("python3", "check.py"),)}
        event = agent_work({**TOOLS, **brief}, outputs=("poem.txt",), tools=("python3",), inputs=(script,))
        await executor.dispatch(event)
        ended = await executor.outcome(event)
    assert "check.py was given as it is" in asked(provider)[1]
    if isinstance(ended, AttemptFailed):  # where the sandbox cannot keep single files, the change is found afterwards
        assert "'check.py'" in ended.reason
    else:
        assert isinstance(ended, AttemptSucceeded)
        assert ended.evidence.verification is not None
        assert ended.evidence.verification.verdict == "gaps_found"
        assert "it is too short" in ended.evidence.verification.findings[0]


async def _verified(executor: Executor, brief: dict[str, str]) -> AttemptSucceeded:
    event = agent_work({**TOOLS, **brief}, outputs=("poem.txt",))
    await executor.dispatch(event)
    ended = await executor.outcome(event)
    assert isinstance(ended, AttemptSucceeded)
    return ended
