"""A call of a server's tool is under way when whoever performs it is killed: a person says whether it is made again."""

from pathlib import Path

import yaml
from tests.journeys.people import People
from tests.journeys.provider import Provider
from tests.standins.mcp_server import Harbour, McpStandIn
from tests.standins.turns import calls_tool
from tests.system import System, eventually

from orchestra.cli.inputs import Inputs, read_inputs
from orchestra.cli.journey import propose


def inputs_of(folder: Path) -> Inputs:
    agent = {"instructions": "Book a berth at Faro.", "tools": ["mcp:harbour/book"], "verify": "none"}
    task = {"id": "book", "title": "Book a berth", "covers": ["R1"], "agent": agent}
    (folder / "requirements.md").write_text("# Berth\n\n## Requirements\n\n- R1: There is a berth.\n")
    (folder / "plan.yaml").write_text(yaml.safe_dump({"tasks": [task]}))
    return read_inputs(str(folder / "requirements.md"), None, folder / "plan.yaml")


async def test_a_person_says_whether_a_call_that_was_cut_off_is_made_again(
    with_models: System, provider: Provider, tmp_path: Path
) -> None:
    provider.script(calls_tool("mcp__harbour__book", place="Faro"), calls_tool("finish", summary="Booked."))
    victim = with_models.programs["up" if with_models.runtime == "embedded" else "executor"]
    harbour = Harbour()
    async with McpStandIn(handler=harbour) as server, with_models.api() as api:
        plan = await propose(api, inputs_of(tmp_path))
        project = f"/projects/{plan['project_id']}"
        await api.put(f"{project}/tool-servers/harbour", {"url": server.endpoint})
        await api.post(f"/plans/{plan['id']}/approve", {"hash": plan["hash"]})
        run = (await api.post(f"{project}/runs", {"plan_id": plan["id"], "hash": plan["hash"]}))["id"]
        people = People(api, plan["project_id"])
        await eventually(harbour.has_booked)
        victim.kill()
        harbour.left.set()
        await victim.start()

        asked = await people.asked("approval")
        assert "Call mcp:harbour/book (place: 'Faro')" in asked["question"]
        assert "nobody knows whether it had its effect" in asked["question"]
        assert harbour.booked == ["Faro"]
        await people.answer(asked, answer="approve")
        await eventually(lambda: people.finished(run))
        attempts = await api.all("/attempts", run_id=run)
        calls = [await api.all(f"/attempts/{each['id']}/tool-calls") for each in attempts]

    assert [[call["status"] for call in made] for made in calls] == [["unknown"], ["asked"], ["done"]]
    assert harbour.booked == ["Faro"] * 2
