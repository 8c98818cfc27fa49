"""Many people edit one plan at the same time: whoever was overtaken is told so, and nobody's edit is lost."""

import asyncio
import random
from collections import Counter
from typing import Any

import httpx
import pytest
from tests.faults.forms import LONG, LONGEST_S, seeded
from tests.system import System, eventually

from orchestra.cli.api import Api
from orchestra.cli.inputs import Inputs
from orchestra.cli.journey import propose

EDITORS, EDITS = (50, 20) if LONG else (10, 3)
PAUSE_S = 0.1
"""At most, for each of them, until one who was refused tries again."""

TASK = {"id": "text", "title": "The text", "minutes": 60, "criteria": ["It is there."]}


@pytest.fixture
def system(apart: System) -> System:
    return apart


class Editor:
    """Reads the plan, adds a criterion of its own to those that are there, and reads again where that is refused."""

    def __init__(self, client: httpx.AsyncClient, project_id: str, name: str) -> None:
        self._client = client
        self._path = f"/api/v1/projects/{project_id}/plan"
        self._name = name
        self.answers: list[httpx.Response] = []

    async def work(self, chance: random.Random) -> None:
        for number in range(EDITS):
            while not (await self._edit(f"{self._name}-{number}")).is_success:
                await asyncio.sleep(chance.uniform(0, PAUSE_S * EDITORS))

    async def _edit(self, mark: str) -> httpx.Response:
        read = await self._client.get(self._path)
        edits = [{"op": "change_task", "id": TASK["id"], "set": {"criteria": [*criteria_in(read.json()), mark]}}]
        headers = {"If-Match": read.headers["etag"]}
        answer = await self._client.post(
            f"{self._path}s/edits", json={"edits": edits, "approve": True}, headers=headers
        )
        if answer.status_code == 412:
            assert answer.headers["etag"] != read.headers["etag"], "what it was refused for is the current one"
        self.answers.append(answer)
        return answer


def criteria_in(plan: dict[str, Any]) -> list[str]:
    [task] = plan["tasks"]
    return task["criteria"]


async def test_no_edit_is_lost_and_whoever_is_overtaken_is_told_the_current_version(system: System, api: Api) -> None:
    chance = seeded()
    plan = await propose(api, Inputs("plan.md", "# Text\n\n- It is written.\n", team=None, plan={"tasks": [TASK]}))
    await api.post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]})
    path = f"/projects/{plan['project_id']}/plan"

    async with system.client() as client:
        editors = [Editor(client, plan["project_id"], f"e{number}") for number in range(EDITORS)]
        await asyncio.gather(*(editor.work(random.Random(chance.random())) for editor in editors))
        answers = Counter(answer.status_code for editor in editors for answer in editor.answers)
        print(f"{EDITORS} editors: {dict(answers)}")
        assert answers.keys() <= {201, 409, 412}
        assert answers[201] == EDITORS * EDITS

        async def applied() -> bool:
            return (await api.get(path))["status"] == "applied"

        await eventually(applied, LONGEST_S)
        current, tag = await api.tagged(path)
        remove = {"edits": [{"op": "remove_task", "id": TASK["id"]}], "approve": True}
        late = await client.post(f"/api/v1{path}s/edits", json=remove, headers={"If-Match": '"old"'})
        assert (late.status_code, late.headers["etag"]) == (412, tag)

    marks = [f"e{editor}-{number}" for editor in range(EDITORS) for number in range(EDITS)]
    assert sorted(criteria_in(current)) == sorted([*TASK["criteria"], *marks])
    versions = await api.all(f"{path}s")
    assert [each["version"] for each in versions] == list(range(1, len(marks) + 2))
    assert [each["status"] for each in versions] == ["superseded"] * len(marks) + ["applied"]
    assert [each["follows"] for each in versions[1:]] == [each["id"] for each in versions[:-1]]
