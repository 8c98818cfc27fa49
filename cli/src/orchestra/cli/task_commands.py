"""`orchestra task`: what people say and ask about single tasks."""

from typing import Any

from orchestra.cli.answers import print_json
from orchestra.cli.api import Api
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.moments import moment
from orchestra.cli.run_command import go_on
from orchestra.cli.run_queries import find_run
from orchestra.cli.screen import Screen, how_to_answer
from orchestra.cli.settings import CliSettings


async def done(settings: CliSettings, task: str, member: str | None, run_id: str | None) -> Exit:
    """Complete the task and follow its run to the next stop."""
    body = {} if member is None else {"member": member}
    return await say(settings, task, run_id, "complete", body)


async def start(settings: CliSettings, task: str, member: str | None, run_id: str | None) -> Exit:
    """Say that the task has begun: its start stays from now on, and what waits for that goes on."""
    async with connected(settings) as api:
        found = await find_task(api, task, run_id)
        said = await api.post(f"/tasks/{found['id']}/start", {} if member is None else {"member": member})
    Screen().note(f"{said['key']} is {said['status']}")
    return Exit.OK


async def decide(settings: CliSettings, task: str, decision: str, run_id: str | None) -> Exit:
    return await say(settings, task, run_id, "decide", {"decision": decision})


async def say(settings: CliSettings, task: str, run_id: str | None, verb: str, body: dict[str, Any]) -> Exit:
    """Say it, and follow the run to its next stop."""
    screen = Screen()
    async with connected(settings) as api:
        found = await find_task(api, task, run_id)
        after = await newest_entry(api, found["run_id"])
        run = await api.get(f"/runs/{found['run_id']}")
        said = await api.post(f"/tasks/{found['id']}/{verb}", body)
        screen.note(f"{said['key']} is {said['status']}")
        done = run["totals"].get("done", 0)
        return await go_on(api, screen, settings, run, until_people=True, after=after, done=done)


async def explain(settings: CliSettings, task: str, run_id: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        found = await find_task(api, task, run_id)
        told = await api.get(f"/tasks/{found['id']}/explain")
        ways = [await _answered(api, wait["id"]) for wait in told["waits_for"] if wait["kind"] == "checkpoint"]
    if as_json:
        return print_json(told)
    screen = Screen()
    screen.say(told["sentence"])
    for way in ways:
        screen.say(way, "cyan")
    return Exit.OK


async def show(settings: CliSettings, task: str, run_id: str | None, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        found = await find_task(api, task, run_id)
        way = await _answered(api, found["checkpoint_id"]) if found["checkpoint_id"] else ""
    if as_json:
        return print_json(found)
    member, failure = found["assignee"] or found["planned_member"], found["last_failure"]
    failed = f"attempt {failure['attempt']}, {failure['class']}: {failure['reason']}" if failure else ""
    screen = Screen()
    screen.say(f"{found['title']} ({found['key']}) is {found['status']}")
    screen.facts(
        [
            ("Task", found["id"]),
            ("Run", found["run_id"]),
            ("Who", member["name"] if member else ""),
            ("Covers", ", ".join(found["covers"])),
            ("After", ", ".join(each["key"] for each in found["dependencies"])),
            ("Adopted from", found["adopted_from"] or ""),
            *_agents(found),
            ("Attempts", str(found["attempts"] or "")),
            ("Last failure", failed),
            *(("Guidance", text) for text in found["guidance"]),
            ("Edited inputs", ", ".join(sorted(found["edited_inputs"]))),
            ("Outputs", ", ".join(output["path"] for output in found["outputs"])),
            ("Started", moment(found["started_at"])),
            ("Ended", moment(found["ended_at"])),
            ("Checkpoint", way),
        ]
    )
    return Exit.OK


async def _answered(api: Api, checkpoint_id: str) -> str:
    checkpoint = await api.get(f"/checkpoints/{checkpoint_id}")
    return how_to_answer(checkpoint_id, checkpoint["choices"])


def _agents(task: dict[str, Any]) -> list[tuple[str, str]]:
    """What there is to say of work for an agent, and of how it was done."""
    brief: dict[str, Any] | None = task["command"] and task["command"]["agent"]
    if not brief:
        return []
    budget: int | None = brief["budget_micros"]
    proof: dict[str, Any] = task["evidence"] or {}
    verified: dict[str, Any] = proof.get("verification") or {}
    by = ", ".join(each for each in (proof.get("agent"), proof.get("model")) if each)
    spent = f"{proof.get('rounds')} rounds, {proof.get('tokens')} tokens, {usd(proof.get('cost_micros', 0))}"
    return [
        ("Agent", f"{brief['kind']}, {brief['difficulty']}; verified by {brief['verify']}"),
        ("Tools", ", ".join(brief["tools"])),
        ("Budget", usd(budget) if budget else ""),
        ("Done by", f"{by}: {spent}" if by else ""),
        ("Summary", proof.get("summary") or ""),
        ("Verified", f"{verified['verdict']} by {verified['by']}" if verified else ""),
        *(("Found", each) for each in verified.get("findings", ())),
        *(("Feedback", each) for each in task["feedback"]),
        ("Kept", ", ".join(each["path"] for each in task["kept"])),
    ]


def usd(micros: int) -> str:
    return f"{micros / 1_000_000:,.6g} USD"


async def find_task(api: Api, task: str, run_id: str | None) -> dict[str, Any]:
    """A task by its id, or by its key in the run."""
    if task.startswith("tsk_"):
        found = await api.get(f"/tasks/{task}")
    else:
        run = await find_run(api, run_id)
        tasks = await api.all(f"/runs/{run['id']}/tasks")
        found = next((each for each in tasks if each["key"] == task), None)
        if found is None:
            raise Stop(
                Exit.NOT_FOUND, f"{run['id']} has no task {task}; there are {', '.join(t['key'] for t in tasks)}"
            )
    if found["run_id"] is None:
        raise Stop(Exit.CONFLICT, f"{found['key']} is not part of a run")
    return found


async def newest_entry(api: Api, run_id: str) -> int:
    """Where the feed of the run stands, so that only what follows is told."""
    entries = await api.all("/feed", after=0, run_id=run_id)
    return entries[-1]["sequence"] if entries else 0
