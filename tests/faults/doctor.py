"""`orchestra doctor` and `orchestra dead`, asked as an operator would: a fault is named, and after it all is well."""

import asyncio
import json

from tests.faults.forms import LONGEST_S
from tests.observation.test_doctor import doctor
from tests.system import CLI, System, clean_environment, eventually


async def names(system: System, *alerts: str) -> None:
    """It says that something is not well, and that it is one of these."""

    async def named() -> bool:
        code, findings = await asyncio.to_thread(doctor, system)
        found = {finding["alert"] for finding in findings if finding["severity"] != "note"}
        return code == 8 and bool(found & set(alerts)) and all(finding["step"] for finding in findings)

    await eventually(named, LONGEST_S)


async def is_well(system: System) -> None:
    """Nothing is found, and nobody has to replay anything."""
    seen: list[dict[str, str]] = []

    async def well() -> bool:
        code, seen[:] = await asyncio.to_thread(doctor, system)
        return code == 0

    try:
        await eventually(well, LONGEST_S)
    except AssertionError:
        raise AssertionError(f"it is not well: {seen}") from None
    assert await dead_letters(system) == []


async def dead_letters(system: System) -> list[dict[str, str]]:
    environment = clean_environment() | {"ORCHESTRA_API_KEY": system.key}
    command = [*CLI, "dead", "ls", "--json", "--gateway", system.url]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=pipe)
    said, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return json.loads(said)
