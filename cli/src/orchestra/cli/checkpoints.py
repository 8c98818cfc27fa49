"""`orchestra checkpoint`: what there is to decide, and answers to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestra.cli.answers import print_json
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.find_project import project_of
from orchestra.cli.inputs import digest
from orchestra.cli.moments import moment
from orchestra.cli.run_command import go_on
from orchestra.cli.screen import Screen, how_to_answer
from orchestra.cli.settings import CliSettings
from orchestra.cli.task_commands import newest_entry

LINES = 10
"""Of what the task printed last."""


async def ls(settings: CliSettings, project: str | None, *, everything: bool, as_json: bool) -> Exit:
    async with connected(settings) as api:
        wanted = {} if everything else {"status": "open"}
        if project is not None:
            wanted["project_id"] = (await project_of(api, project))["id"]
        found = await api.all("/checkpoints", **wanted)
    if as_json:
        return print_json(found)
    screen = Screen()
    if not found:
        screen.note("no checkpoints" if everything else "nobody has to decide anything")
    for each in found:
        facts = (each["id"], each["key"], each["kind"], _status(each), moment(each["raised_at"]))
        screen.say("  ".join(facts), "bold")
        screen.say(f"    {each['question']}")
    return Exit.OK


async def show(settings: CliSettings, checkpoint_id: str, *, as_json: bool) -> Exit:
    async with connected(settings) as api:
        checkpoint = await api.get(f"/checkpoints/{checkpoint_id}")
        if as_json:
            return print_json(checkpoint)
        task = await api.get(f"/tasks/{checkpoint['task_id']}")
    screen = Screen()
    screen.say(checkpoint["question"])
    screen.say("")
    screen.facts(_facts(checkpoint))
    if checkpoint["status"] != "open":
        return Exit.OK
    printed: list[str] = task["evidence"]["tail"].rstrip().splitlines() if task["evidence"] else []
    if printed:
        screen.say("")
        screen.say("It printed last:")
        for line in printed[-LINES:]:
            screen.say(f"  {line}", "dim")
    screen.say("")
    screen.say(how_to_answer(checkpoint["id"], checkpoint["choices"]), "cyan")
    return Exit.OK


def _status(checkpoint: dict[str, Any]) -> str:
    answer: str | None = checkpoint["answer"]
    return f"{checkpoint['status']}: {answer}" if answer else str(checkpoint["status"])


def _facts(checkpoint: dict[str, Any]) -> list[tuple[str, str]]:
    edited = ", ".join(sorted(checkpoint["inputs"] or {}))
    by = f" by {checkpoint['answered_by']}" if checkpoint["answered_by"] else ""
    is_open = checkpoint["status"] == "open"
    return [
        ("Status", checkpoint["status"]),
        ("Answer", f"{checkpoint['answer']}{by}" if checkpoint["answer"] else ""),
        ("Said", checkpoint["said"]),
        ("Guidance", checkpoint["guidance"]),
        *_asked(checkpoint["asks"] or {}),
        ("Edited inputs", edited),
        ("Task", f"{checkpoint['key']} ({checkpoint['task_id']})"),
        ("Run", checkpoint["run_id"]),
        ("Raised", moment(checkpoint["raised_at"])),
        ("Asked again", moment(checkpoint["escalated_at"])),
        ("Open until", moment(checkpoint["expires_at"]) if is_open else ""),
        ("Closed", moment(checkpoint["answered_at"])),
    ]


def _asked(asks: dict[str, Any]) -> list[tuple[str, str]]:
    """What the question leaves out, or cuts."""
    match asks.get("kind"):
        case "question":
            return [("Asked", asks["text"]), *(("Choice", each) for each in asks["choices"])]
        case "approval":
            return [("Tool", asks["tool"]), ("Call", asks["summary"]), ("Digest", asks["digest"])]
        case "verification":
            return [("Found", each) for each in asks["findings"]]
        case _:
            return []


async def answer(
    settings: CliSettings, checkpoint_id: str, choice: str, guidance: str, inputs: Sequence[str], text: str = ""
) -> Exit:
    """Answer it, and follow its run to the next stop."""
    files = dict(map(_file, inputs))
    screen = Screen()
    async with connected(settings) as api:
        asked = await api.get(f"/checkpoints/{checkpoint_id}")
        run = await api.get(f"/runs/{asked['run_id']}")
        after = await newest_entry(api, run["id"])
        for sha256, path in files.values():
            await api.upload(sha256, path)
        body: dict[str, Any] = {"answer": choice, "guidance": guidance}
        if text:
            body["text"] = text
        if files:
            body["inputs"] = {name: sha256 for name, (sha256, _) in files.items()}
        said = await api.post(f"/checkpoints/{checkpoint_id}/answer", body)
        screen.note(f"{said['key']}: answered with {choice}")
        done = run["totals"].get("done", 0)
        return await go_on(api, screen, settings, run, until_people=True, after=after, done=done)


def _file(given: str) -> tuple[str, tuple[str, Path]]:
    """`PATH=FILE` as the path, and the content and place of the file."""
    name, equals, place = given.partition("=")
    path = Path(place)
    if not (name and equals and place):
        raise Stop(Exit.USAGE, f"--input {given}: write PATH=FILE")
    if not path.is_file():
        raise Stop(Exit.USAGE, f"--input {given}: there is no such file")
    return name, (digest(path), path)
