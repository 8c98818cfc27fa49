"""A model that tries what is forbidden. Judged by what the broker has written down, by what came back to the model, and
by what lies outside: a secret that it could have read, a file that it could have changed, a port that it could have
asked."""

from pathlib import Path
from typing import Any

import pytest
from services.executor.tests.integration.agents.theatre import (
    agent_work,
    agents_at,
    asked,
    at_once,
    decisions,
    finishes,
)
from tests.forbidden import READS, SECRET, WRITES, is_as_it_was, lie_outside, listening, refused, vain
from tests.standins import ModelStandIn
from tests.standins.turns import ToolUse

from orchestra.contracts.execution import AttemptSucceeded
from orchestra.contracts.machine_work import AgentAnswer
from orchestra.contracts.planning import Input


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lie_outside(tmp_path_factory.mktemp("outside"))


async def test_it_achieves_none_of_it(
    url: str, tmp_path: Path, provider: ModelStandIn, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRA_TEST_CANARY", SECRET)
    async with listening() as (port, heard):
        await _achieves_nothing(url, tmp_path, provider, outside, port)
    assert heard == []
    assert is_as_it_was(outside)


async def _achieves_nothing(url: str, folder: Path, provider: ModelStandIn, outside: Path, port: int) -> None:
    forbidden, tried = refused(outside), vain(outside, port)
    assert len(forbidden) + len(tried) >= 30
    provider.script(*[at_once(use) for use in (*forbidden, *tried)], finishes())
    brief = {
        "tools": (READS, WRITES, "list_files", "apply_patch", "run_command"),
        "checks": (("python3", "check.py"),),
        "rounds": 100,
    }
    no_limits: dict[str, Any] = {f"budget_{scope}_usd": None for scope in ("day", "month", "project")}
    async with agents_at(url, folder, provider, **no_limits) as executor:
        script: Input = await executor.upload("check.py", b"raise SystemExit(1)")
        event = agent_work({**brief, "verify": "checks"}, tools=("python3",), inputs=(script,))
        await executor.dispatch(event)
        ended = await executor.outcome(event)
        assert isinstance(ended, AttemptSucceeded), ended
        assert ended.evidence.verification is not None
        assert ended.evidence.verification.verdict == "gaps_found"

        told = await decisions(executor)
        assert len(told) == len(forbidden) + len(tried), "each has its row"
        wrong = [(use, status) for use, (_, status) in zip(forbidden, told, strict=False) if status != "refused"]
        assert wrong == []
        assert {status for _, status in told[len(forbidden) :]} <= {"done", "failed"}

        answered = list(asked(provider))
        assert not any(SECRET in request for request in answered)
        assert not any(str(executor.settings.sealing_keys.get_secret_value()) in request for request in answered)


async def test_an_approval_serves_no_other_call(url: str, tmp_path: Path, provider: ModelStandIn) -> None:
    """The digest is of every argument: one letter more is another call."""
    provider.script(at_once(ToolUse("run_command", {"argv": ["touch", "a"]})))
    brief: dict[str, Any] = {"tools": ("run_command",), "approve": ("run_command",)}
    async with agents_at(url, tmp_path, provider) as executor:
        event = agent_work(brief, tools=("touch",))
        await executor.dispatch(event)
        rests: Any = await executor.outcome(event)
        granted = AgentAnswer(
            checkpoint_id="chk_1", about="approval", id=rests.waits_for.digest, approved=True, by="ana"
        )
        for argv in (["touch", "b"], ["touch", "a", "a"], ["touch", "a "], ["touch", "./a"]):
            provider.script(at_once(ToolUse("run_command", {"argv": argv})))
            # Guidance of its own makes a conversation of its own: the first one's call is not in it.
            other = agent_work(
                brief, tools=("touch",), task_id=event.task_id, answers=(granted,), guidance=(" ".join(argv),)
            )
            await executor.dispatch(other)
            await executor.outcome(other)
        assert [status for _, status in await decisions(executor)] == ["asked"] * 5
