"""`orchestra doctor` and `orchestra dead`: what is not well, and what could not be handled."""

from orchestra.cli.answers import print_json, print_list
from orchestra.cli.connect import connected
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.screen import Screen
from orchestra.cli.settings import CliSettings

COLOURS = {"error": "red", "warning": "yellow", "note": ""}


async def doctor(settings: CliSettings, *, as_json: bool) -> Exit:
    """Exit 8 when something is not well."""
    async with connected(settings) as api:
        system = await api.get("/system")
    findings = system["findings"]
    well = system["ready"] and all(finding["severity"] == "note" for finding in findings)
    if as_json:
        print_json({**system, "well": well})
        return Exit.OK if well else Exit.UNAVAILABLE
    screen = Screen()
    rows = [
        (name, check, "ok" if state["ok"] else "failed", state["reason"] or "")
        for name, report in sorted(system["services"].items())
        for check, state in sorted(report.get("checks", {}).items())
    ]
    screen.table(("Service", "Check", "State", "Reason"), rows)
    for name, report in sorted(system["services"].items()):
        for about, note in sorted(report.get("notes", {}).items()):
            screen.say(f"{name}: {about} {note}")
    for finding in findings:
        screen.say(f"{finding['severity']}: {finding['problem']}", COLOURS[finding["severity"]])
        screen.say(f"    {finding['step']} (docs/runbooks/{finding['alert']}.md)")
    screen.say("All is well." if well else "Something is not well.", "green" if well else "red")
    return Exit.OK if well else Exit.UNAVAILABLE


async def dead_ls(settings: CliSettings, *, replayed: bool, as_json: bool) -> Exit:
    async with connected(settings) as api:
        letters = await api.all("/dead-letters", replayed=replayed)
    return print_list(
        letters,
        ("Dead letter", "Subscription", "At", "Reason"),
        lambda letter: (letter["id"], letter["subscription"], letter["at"], letter["reason"]),
        as_json=as_json,
        none="no dead letters",
    )


async def dead_show(settings: CliSettings, letter_id: str) -> Exit:
    async with connected(settings) as api:
        service = _service_of(await api.all("/dead-letters", replayed=True), letter_id)
        letter = await api.get(f"/dead-letters/{service}/{letter_id}")
    return print_json(letter)


async def dead_replay(settings: CliSettings, letter_id: str) -> Exit:
    """Exit 1 when it failed again."""
    screen = Screen()
    async with connected(settings) as api:
        service = _service_of(await api.all("/dead-letters", replayed=True), letter_id)
        letter = await api.post(f"/dead-letters/{service}/{letter_id}/replay", {})
    if letter["replayed_at"] is None:
        screen.say(f"it failed again: {letter['reason']}", "red")
        return Exit.FAILED
    screen.say("it was handled")
    return Exit.OK


def _service_of(letters: list[dict[str, str]], letter_id: str) -> str:
    for letter in letters:
        if letter["id"] == letter_id:
            return letter["subscription"].partition(":")[0]
    raise Stop(Exit.NOT_FOUND, f"no dead letter is called {letter_id}")
