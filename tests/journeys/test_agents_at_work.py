"""Three tasks done by agents with tools, on either runtime: what people are asked on the way, what is judged, what it
costs; and the same while whoever performs them is killed again and again."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.faults.forms import LIMIT_S, LONG, LONGEST_S
from tests.journeys.people import People
from tests.journeys.provider import Provider, first_hangs, said
from tests.journeys.shell import Shell, at_gateway
from tests.standins.turns import Tokens, Turn
from tests.system import System, eventually

from orchestra.cli.api import Api

REQUIREMENTS = "# Map\n\n## Requirements\n\n- R1: Signs are sorted.\n- R2: There is a legend.\n- R3: It is sealed.\n"
PLAN: dict[str, Any] = {
    "tasks": [
        {
            "id": "signs",
            "title": "Sort the signs",
            "covers": ["R1"],
            "agent": {
                "instructions": "Sort notes.txt into signs.txt.",
                "tools": ["read_file", "run_command"],
                "commands": ["sort", "grep"],
                "inputs": ["notes.txt"],
                "outputs": ["signs.txt"],
                "checks": [["grep", "-c", "buoy", "signs.txt"]],
            },
        },
        {
            "id": "legend",
            "title": "Write the legend",
            "covers": ["R2"],
            "after": ["signs"],
            "criteria": ["It has a title."],
            "agent": {
                "instructions": "Write legend.md from signs.txt.",
                "tools": ["read_file", "write_file", "ask_human"],
                "outputs": ["legend.md"],
                "budget_usd": "2",
            },
        },
        {
            "id": "seal",
            "title": "Seal the map",
            "covers": ["R3"],
            "after": ["legend"],
            "agent": {
                "instructions": "Seal it.",
                "tools": ["run_command", "write_file"],
                "approve": ["run_command"],
                "commands": ["sha256sum"],
                "outputs": ["seal.txt"],
                "verify": "none",
            },
        },
    ]
}
SIGNS, LEGEND, SEAL = "# Sort the signs", "# Write the legend", "# Seal the map"
GAPS = "It has no title."


def steps() -> list[Turn]:
    """What is said, by how far the conversation is: the farthest first."""
    judged = ("Write the legend", "The files that the work has left")
    return [
        said("answer", "## Legend", *judged, verdict="passed", findings=[]),
        said("answer", *judged, verdict="gaps_found", findings=[GAPS]),
        said("finish", SIGNS, "alder\\nbuoy", summary="Two signs, sorted."),
        said("read_file", SIGNS, "status 0.", path="signs.txt"),
        said("run_command", SIGNS, argv=["sort", "-o", "signs.txt", "notes.txt"]),
        said("finish", LEGEND, GAPS, "Written: legend.md.", summary="With a title."),
        said("write_file", LEGEND, GAPS, path="legend.md", content="## Legend\nalder, buoy\n"),
        said("finish", LEGEND, "Written: legend.md.", summary="A legend."),
        said("write_file", LEGEND, "answers: Kelp", path="legend.md", content="alder, buoy\n"),
        said("ask_human", LEGEND, question="Which coast?"),
        said("finish", SEAL, "Written: seal.txt.", summary="Sealed."),
        said("write_file", SEAL, "status 0.", path="seal.txt", content="sealed"),
        said("run_command", SEAL, argv=["sha256sum", "legend.md"]),
    ]


def written(folder: Path) -> tuple[str, ...]:
    (folder / "requirements.md").write_text(REQUIREMENTS)
    (folder / "notes.txt").write_text("buoy\nalder\n")
    (folder / "plan.yaml").write_text(yaml.safe_dump(PLAN))
    return ("requirements.md", "--plan", "plan.yaml")


def shown(shell: Shell, *arguments: str) -> Any:
    return json.loads(shell.orchestra(*arguments, "--json").stdout)


async def begin(shell: Shell, api: Api, folder: Path) -> tuple[str, str]:
    """The project and its run."""
    plan = shown(shell, "plan", "create", *written(folder))
    shell.orchestra("plan", "approve", plan["id"])
    project = plan["project_id"]
    run = await api.post(f"/projects/{project}/runs", {"plan_id": plan["id"], "hash": plan["hash"]})
    return project, run["id"]


async def judge(system: System, api: Api, run: str, *, repeats: int) -> None:
    """All is done with its proof; each call was made once; a model was asked once for each of its answers, and once
    more for each time that its answer was lost on the way."""
    tasks = {task["key"]: task for task in await api.all(f"/runs/{run}/tasks")}
    assert {key: task["status"] for key, task in tasks.items()} == dict.fromkeys(("signs", "legend", "seal"), "done")
    proof = {key: task["evidence"]["verification"] for key, task in tasks.items()}
    assert (proof["signs"]["verdict"], proof["signs"]["by"]) == ("passed", "checks")
    assert (proof["legend"]["verdict"], proof["seal"]) == ("passed", None)
    entries = await api.all("/ledger", run_id=run)
    assert sum(entry["status"] == "unknown" for entry in entries) == repeats
    made = [entry for entry in entries if entry["status"] == "settled"]
    assert len(made) == 13, "each answer was paid for once"
    mine = {task["id"] for task in tasks.values()}
    calls = [row for row in await system.rows("executor", "tool_call") if row["task_id"] in mine]
    by_status = {status: [c["tool"] for c in calls if c["status"] == status] for status in {c["status"] for c in calls}}
    assert sorted(by_status["done"]) == [
        "ask_human",
        "read_file",
        "run_command",
        "run_command",
        "write_file",
        "write_file",
        "write_file",
    ]
    assert sorted(set(by_status) - {"done"}) == ["asked"]


async def test_three_tasks_are_done_by_agents_and_people_answer_them(
    with_models: System, provider: Provider, tmp_path: Path
) -> None:
    provider.script(*steps())
    shell = at_gateway(tmp_path, with_models)
    async with with_models.api() as api:
        project, run = await begin(shell, api, tmp_path)
        people = People(api, project)
        asked = await people.asked("question")
        assert "Which coast?" in asked["question"]
        shell.orchestra("checkpoint", "answer", asked["id"], "answer", "Kelp")
        asked = await people.asked("approval")
        assert "'sha256sum' 'legend.md'" in asked["question"]
        followed = shell.orchestra("checkpoint", "answer", asked["id"], "approve").stdout
        assert "seal" in followed
        await judge(with_models, api, run, repeats=0)
        [cost] = await api.all("/costs", by="agent", run_id=run)
        assert (cost["group"], cost["calls"]) == ("house", 13)


@pytest.mark.timeout(LIMIT_S)
async def test_whoever_performs_them_is_killed_at_every_step(
    with_models: System, provider: Provider, tmp_path: Path
) -> None:
    """In the short form at some of the steps, of each task one."""
    said_here = steps()
    chosen = range(len(said_here)) if LONG else (3, 11)
    script = [turn for n, step in enumerate(said_here) for turn in (first_hangs(step) if n in chosen else (step,))]
    provider.script(*script)
    victim = with_models.programs["up" if with_models.runtime == "embedded" else "executor"]
    kills = 0

    async def kill() -> None:
        nonlocal kills
        while True:
            if await asyncio.to_thread(provider.stalled):
                victim.kill()
                kills += 1
                await victim.start()
            await asyncio.sleep(0.05)

    async with with_models.api() as api:
        project, run = await begin(at_gateway(tmp_path, with_models), api, tmp_path)
        people = People(api, project)
        killing = asyncio.create_task(kill())
        try:
            await people.answer(await people.asked("question"), answer="answer", text="Kelp")
            await people.answer(await people.asked("approval"), answer="approve")
            await eventually(lambda: people.finished(run), LONGEST_S)
            assert not killing.done()
        finally:
            killing.cancel()
            await asyncio.wait({killing})
        assert kills == len(chosen)
        await judge(with_models, api, run, repeats=len(chosen))


async def test_a_budget_that_is_met_rests_the_task_and_more_goes_on_with_it(
    with_models: System, provider: Provider, tmp_path: Path
) -> None:
    """A request may cost up to 0.09 USD here, by its longest answer: after the first no second one fits."""
    seal = {
        **PLAN["tasks"][2],
        "after": [],
        "agent": {**PLAN["tasks"][2]["agent"], "approve": [], "budget_usd": "0.095"},
    }
    seal["agent"]["inputs"] = ["legend.md"]
    provider.script(*[replace(turn, tokens=Tokens(1000, 1000)) for turn in steps() if SEAL in turn.holds])
    written(tmp_path)
    (tmp_path / "legend.md").write_text("## Legend\n")
    (tmp_path / "requirements.md").write_text("# Map\n\n## Requirements\n\n- R3: It is sealed.\n")
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump({"tasks": [seal]}))
    shell = at_gateway(tmp_path, with_models)
    plan = shown(shell, "plan", "create", "requirements.md", "--plan", "plan.yaml")
    shell.orchestra("plan", "approve", plan["id"])
    async with with_models.api() as api:
        run = await api.post(f"/projects/{plan['project_id']}/runs", {"plan_id": plan["id"], "hash": plan["hash"]})
        people = People(api, plan["project_id"])
        asked = await people.asked("budget")
        assert "has met its budget" in asked["question"]
        task = asked["task_id"]
        [task_budget] = [b for b in await api.all("/budgets") if (b["scope"], b["name"]) == ("task", task)]
        assert task_budget["limit"]["micros"] == 95_000
        assert task_budget["settled"]["micros"] + task_budget["held"]["micros"] <= 95_000
        shell.orchestra("budget", "top-up", "task", task, "--usd", "1")
        await eventually(lambda: people.finished(run["id"]))
        entries = await api.all("/ledger", run_id=run["id"])
        assert [entry["status"] for entry in entries] == ["settled"] * 3, "what was answered before was not asked again"
