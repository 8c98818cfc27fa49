"""Commands that take all they can get: each meets its limit, its neighbours do not notice, and nothing of it stays."""

from collections.abc import Mapping
from typing import Any

from tests.faults.forms import LONGEST_S, seeded
from tests.faults.remains import remains_of
from tests.faults.workload import SLOTS
from tests.journeys.jobs import commands, python, start, stopped, tasks_of
from tests.system import System, eventually

from orchestra.cli.api import Api

FORKS = """
import os, signal, time
started = 0
try:
    while started < 400:
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(600)
        started += 1
except OSError:
    pass
print(started)
"""
MEMORY = """
try:
    bytearray(5 << 30)
except MemoryError:
    print("refused")
"""
SPARSE = """
import os
try:
    os.truncate(os.open("huge", os.O_CREAT | os.O_RDWR), 10 << 40)
except OSError as error:
    print(error.strerror)
"""
OUTPUT = "while True: print('x' * 1000)"
FILES = "for number in range(5000): open(f'file-with-a-long-name-{number:032}.txt', 'w').close()"
LINK = "import os; os.symlink('/etc/shadow', 'result.txt')"

MIB = 1024 * 1024

NEIGHBOURS = 6


def attacks() -> list[dict[str, Any]]:
    return [
        python("forks", FORKS),
        python("memory", MEMORY),
        python("sparse", SPARSE),
        python("output", OUTPUT),
        python("files", FILES, outputs=["*.txt"]),
        python("link", LINK, outputs=["result.txt"]),
    ]


async def attempts_of(api: Api, run: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The last one of each task, by key."""
    keys = {task["id"]: key for key, task in (await tasks_of(api, run["id"])).items()}
    return {keys[each["task_id"]]: each for each in await api.all("/attempts", run_id=run["id"])}


async def printed(api: Api, attempt: Mapping[str, Any]) -> str:
    return "".join([text async for text in api.text(f"/attempts/{attempt['id']}/log")]).strip()


async def test_attacks_on_the_machine_meet_their_limits_and_leave_nothing(system: System, api: Api) -> None:
    tasks = attacks() + [python(f"good-{number}", f"print({number})") for number in range(NEIGHBOURS)]
    seeded().shuffle(tasks)
    run = await stopped(api, (await start(api, commands(*tasks, slots=SLOTS)))["id"])
    found = await attempts_of(api, run)

    assert {key for key, each in found.items() if each["status"] == "succeeded"} == {
        "forks", "memory", "sparse", *(f"good-{number}" for number in range(NEIGHBOURS)),
    }  # fmt: skip
    assert 200 <= int(await printed(api, found["forks"])) <= 256
    assert await printed(api, found["memory"]) == "refused"
    assert await printed(api, found["sparse"]) == "File too large"
    assert {found[key]["failure"] for key in ("output", "files", "link")} == {"permanent"}
    assert found["output"]["evidence"]["log"]["size"] == 16 * MIB
    assert "files are too many" in found["files"]["reason"]
    assert "a symbolic link" in found["link"]["reason"]
    for number in range(NEIGHBOURS):
        assert await printed(api, found[f"good-{number}"]) == str(number)

    async def nothing_is_left() -> bool:
        return not remains_of(system)

    await eventually(nothing_is_left, LONGEST_S)
