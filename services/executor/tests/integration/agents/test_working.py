"""Attempts of agents, from the dispatch to what became of them, by the real libraries and the real sandbox."""

from datetime import timedelta
from pathlib import Path
from typing import Any

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
from tests.standins import ModelStandIn, Tokens, calls_tool, overloaded, says

from orchestra.contracts.execution import AttemptFailed, AttemptSucceeded, AttemptSuspended
from orchestra.contracts.machine_work import AgentAnswer
from orchestra.contracts.planning import Input
from orchestra.contracts.suspensions import ApprovalNeeded, BudgetMet, ProviderAway, QuestionAsked

POEM = {"tools": ("write_file", "read_file", "list_files", "run_command", "ask_human", "apply_patch")}


async def test_an_agent_works_with_its_tools_and_leaves_files_and_proof(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    provider.script(
        writes("poem.txt", "Ships.\n"),
        runs("wc", "-l", "poem.txt"),
        finishes("A poem of one line.", Tokens(100, 10)),
    )
    async with agents_at(url, tmp_path, provider) as executor:
        event = agent_work(POEM, outputs=("poem.txt",), tools=("wc",))
        await executor.dispatch(event)
        ended = await executor.outcome(event)
        assert isinstance(ended, AttemptSucceeded), ended
        assert [output.path for output in ended.outputs] == ["poem.txt"]
        assert await executor.content(ended.outputs[0].sha256) == b"Ships.\n"
        proof = ended.evidence
        assert (proof.agent, proof.rounds, proof.summary) == ("house", 3, "A poem of one line.")
        assert proof.model == "claude-sonnet-5"
        assert proof.tokens > 110
        assert proof.cost_micros > 0
        assert proof.log is not None
        shown = (await executor.content(proof.log.sha256)).decode()
        assert "✓ write poem.txt" in shown
        assert "run 'wc' '-l' 'poem.txt'" in shown
        assert await decisions(executor) == [("write_file", "done"), ("run_command", "done")]
        assert await ledger(executor) == [("attempt", "settled")] * 3
        async with executor.client() as client:
            told = (await client.get(f"/attempts/{event.attempt_id}/tool-calls")).json()["data"]
        assert [(call["place"], call["summary"], call["files"]) for call in told] == [
            (1, "write poem.txt (7 characters)", ["poem.txt"]),
            (2, "run 'wc' '-l' 'poem.txt'", []),
        ]
        async with executor.client("wsp_other") as stranger:
            assert (await stranger.get(f"/attempts/{event.attempt_id}/tool-calls")).status_code == 404
        assert executor.leftovers() == []


async def test_what_the_model_says_is_told_the_outcome_of_its_calls(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    provider.script(runs("wc", "-l", "none.txt"), calls_tool("read_file", path="none.txt"), says("It cannot be done."))
    async with agents_at(url, tmp_path, provider) as executor:
        event = agent_work(POEM, tools=("wc",))
        await executor.dispatch(event)
        ended = await executor.outcome(event)
        assert isinstance(ended, AttemptSucceeded)
        assert ended.evidence.summary == "It cannot be done."
        assert "It ended with status 1." in asked(provider)[1]
        assert "none.txt was not made" in asked(provider)[2]


async def test_a_question_ends_the_attempt_for_now_and_its_answer_goes_on_without_asking_again(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    provider.script(
        writes("poem.txt", "Ships.\n"), calls_tool("ask_human", question="Which harbour?", choices=["Oban", "Porto"])
    )
    async with agents_at(url, tmp_path, provider) as executor:
        event = agent_work(POEM, outputs=("poem.txt",))
        await executor.dispatch(event)
        rests = await executor.outcome(event)
        assert isinstance(rests, AttemptSuspended)
        question = rests.waits_for
        assert isinstance(question, QuestionAsked)
        assert (question.text, question.choices) == ("Which harbour?", ("Oban", "Porto"))
        assert [output.path for output in rests.outputs] == ["poem.txt"]
        assert (await executor.show(event))["status"] == "suspended"

        said = AgentAnswer(checkpoint_id="chk_1", about="question", id=question.id, text="Porto", by="ana")
        kept = tuple(Input(path=o.path, sha256=o.sha256) for o in rests.outputs)
        provider.script(finishes())
        next_one = again(event, answers=(said,), kept=kept)
        await executor.dispatch(next_one)
        ended = await executor.outcome(next_one)
        assert isinstance(ended, AttemptSucceeded), ended
        assert await executor.content(ended.outputs[0].sha256) == b"Ships.\n"
        assert len(await ledger(executor)) == 3, "no recorded answer is asked for again"
        assert "ana answers: Porto" in asked(provider)[-1]


async def test_an_approval_is_of_the_exact_call_and_used_up_by_it(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    provider.script(runs("touch", "a.txt"))
    async with agents_at(url, tmp_path, provider) as executor:
        event = agent_work(POEM | {"approve": ("run_command",)}, outputs=(), tools=("touch",))
        await executor.dispatch(event)
        rests = await executor.outcome(event)
        assert isinstance(rests, AttemptSuspended)
        wanted = rests.waits_for
        assert isinstance(wanted, ApprovalNeeded)
        assert wanted.tool == "run_command"
        assert "'touch' 'a.txt'" in wanted.summary

        about: dict[str, Any] = {"about": "approval", "id": wanted.digest}
        said = AgentAnswer(checkpoint_id="chk_1", approved=True, by="ana", **about)
        provider.script(runs("touch", "a.txt"))  # the very same call once more: the approval is used up
        second = again(event, answers=(said,))
        await executor.dispatch(second)
        rests = await executor.outcome(second)
        assert isinstance(rests, AttemptSuspended)
        assert isinstance(rests.waits_for, ApprovalNeeded)
        no = AgentAnswer(checkpoint_id="chk_2", **about, approved=False, text="Enough.", by="bo")
        provider.script(finishes())
        third = again(second, answers=(said, no))
        await executor.dispatch(third)
        ended = await executor.outcome(third)
        assert isinstance(ended, AttemptSucceeded)
        assert "bo has not approved this call. Enough." in asked(provider)[-1]
        told = [status for _, status in await decisions(executor)]
        assert told == ["asked", "done", "asked", "refused"]


async def test_a_budget_that_is_met_keeps_the_partial_result_and_is_gone_on_with_when_it_is_raised(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    async with agents_at(url, tmp_path, provider) as executor:
        # The first request fits, a second one no more: an answer has up to 4,096 tokens, 15 micros each.
        provider.script(writes("poem.txt", "Ships.\n"))
        event = agent_work(POEM | {"budget_micros": 90_000}, outputs=("poem.txt",))
        await executor.dispatch(event)
        rests = await executor.outcome(event)
        assert isinstance(rests, AttemptSuspended), rests
        assert isinstance(met := rests.waits_for, BudgetMet)
        assert (met.scope, met.unit, met.limit) == ("task", "micros", 90_000)
        assert met.settled + met.held + met.asked > met.limit
        assert [output.path for output in rests.outputs] == ["poem.txt"]


async def test_what_meets_the_days_budget_says_when_the_next_day_begins(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    async with agents_at(url, tmp_path, provider, budget_day_usd="0.00001") as executor:
        event = agent_work(POEM)
        await executor.dispatch(event)
        rests = await executor.outcome(event)
        assert isinstance(rests, AttemptSuspended), rests
        assert isinstance(met := rests.waits_for, BudgetMet)
        tomorrow = rests.ended_at.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        assert (met.scope, met.renews_at) == ("day", tomorrow)


async def test_where_models_are_away_the_task_waits(url: str, tmp_path: Path, provider: ModelStandIn) -> None:
    provider.script(*[overloaded() for _ in range(4)])
    async with agents_at(url, tmp_path, provider) as executor:
        event = agent_work(POEM)
        await executor.dispatch(event)
        rests = await executor.outcome(event)
        assert isinstance(rests, AttemptSuspended)
        assert isinstance(rests.waits_for, ProviderAway)


async def test_without_a_model_it_is_refused_with_its_reason(url: str, tmp_path: Path) -> None:
    async with agents_at(url, tmp_path, None) as executor:
        event = agent_work(POEM)
        await executor.dispatch(event)
        ended = await executor.outcome(event)
        assert isinstance(ended, AttemptFailed)
        assert ended.failure == "policy"
        assert "there is no key" in ended.reason


async def test_rounds_and_repetitions_have_an_end(url: str, tmp_path: Path, provider: ModelStandIn) -> None:
    provider.otherwise = calls_tool("list_files", pattern="*")
    async with agents_at(url, tmp_path, provider) as executor:
        few, many = agent_work(POEM | {"rounds": 2}), agent_work(POEM)
        await executor.dispatch(few, many)
        ended = await executor.outcome(few)
        assert isinstance(ended, AttemptFailed)
        assert ended.failure == "permanent"
        assert ended.reason == "It was not done after 2 rounds, which is its limit."
        ended = await executor.outcome(many)
        assert isinstance(ended, AttemptFailed)
        assert ended.reason == "It repeated itself: list_files was called 5 times with the same result."


async def test_what_one_has_found_out_the_next_is_told(url: str, tmp_path: Path, provider: ModelStandIn) -> None:
    found = [{"kind": "gotcha", "text": "The tide tables are in local time."}, {"kind": "rumour", "text": "Fish."}]
    provider.script(
        calls_tool("finish", summary="Done.", findings=found),
        calls_tool("search_knowledge", query="tide"),
        finishes(),
    )
    async with agents_at(url, tmp_path, provider) as executor:
        first, second = agent_work(), agent_work({"instructions": "Use tide tables.", "tools": ("search_knowledge",)})
        await executor.dispatch(first)
        assert isinstance(await executor.outcome(first), AttemptSucceeded)
        await executor.dispatch(second)
        ended = await executor.outcome(second)
        assert isinstance(ended, AttemptSucceeded)
    requests = asked(provider)
    assert "The tide tables are in local time." in requests[1], "it is in the briefing"
    assert requests[2].count("The tide tables are in local time.") == 2, "and found by its words"
    assert "Fish." not in requests[1]
