"""Ask a policy about a command. The machine's own settings count as they would for an executor started here."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from orchestra.cli.exits import Exit, Stop
from orchestra.executor.policy import BadPolicy, Judgement, in_force, judge

POLICY_FILE, TOOLS, MIN_LEVEL = "ORCHESTRA_POLICY_FILE", "ORCHESTRA_TOOLS", "ORCHESTRA_MIN_SANDBOX_LEVEL"


@dataclass(frozen=True)
class Question:
    policy: Path | None
    argv: list[str]
    tools: list[str] | None
    """None: the tool that `argv` names."""
    hosts: list[str]


async def check(question: Question, *, as_json: bool) -> Exit | None:
    file, judgement = _judge(question)
    if as_json:
        print(json.dumps(_shown(file, judgement)))
    else:
        print(f"{file}: {_verdict(question, judgement)}")
        for ruling in judgement.rulings:
            if not ruling.allowed:
                print(f"  {ruling.rule}: {ruling.why}")
    return None if judgement.allowed else Exit.POLICY


async def explain(question: Question, *, as_json: bool) -> Exit | None:
    file, judgement = _judge(question)
    if as_json:
        print(json.dumps(_shown(file, judgement)))
    else:
        print("\n".join(_lines(question, file, judgement)))
    return None if judgement.allowed else Exit.POLICY


def _judge(question: Question) -> tuple[str, Judgement]:
    """What the policy is called, and what it says. Raises Stop with every fault of its file."""
    named = os.environ.get(POLICY_FILE)
    path = question.policy or (Path(named) if named else None)
    try:
        tools = frozenset(json.loads(os.environ.get(TOOLS, "[]")))
        policy = in_force(path, tools, os.environ.get(MIN_LEVEL, "L2"))
    except BadPolicy as bad:
        raise Stop(Exit.USAGE, f"{path} is no policy", bad.faults) from bad
    except (ValueError, TypeError, KeyError) as error:
        raise Stop(Exit.USAGE, f"{TOOLS} or {MIN_LEVEL} is not right: {error}") from error
    declared = question.tools if question.tools is not None else question.argv[:1]
    return str(path or "the usual policy"), judge(policy, question.argv, declared, question.hosts)


def _verdict(question: Question, judgement: Judgement) -> str:
    if not question.argv:
        return "it is right"
    return f"{question.argv[0]} would be {'allowed' if judgement.allowed else 'refused'}"


def _lines(question: Question, file: str, judgement: Judgement) -> Iterator[str]:
    yield f"{file}: {_verdict(question, judgement)}"
    for ruling in judgement.rulings:
        yield f"  {'allowed' if ruling.allowed else 'refused'}  {ruling.rule}: {ruling.why}"
    yield "For every command:"
    for name, value in judgement.terms.items():
        yield f"  {name:22} {value}"


def _shown(file: str, judgement: Judgement) -> dict[str, Any]:
    return {"policy": file, "allowed": judgement.allowed} | asdict(judgement)
