"""The demo's own job, from its files to its finished run, through the public API of both runtimes."""

from hashlib import sha256

from tests.journeys.jobs import finished_guide
from tests.system import System, eventually

from orchestra.cli.api import Api

PEOPLE = ("confirm-names", "read-accounts", "try-on-phones", "sign-off")
AFTER_THE_SIGN_OFF = {"make-checksums", "verify-files", "pack-release"}
GAP = "R18"


async def test_commands_go_as_far_as_they_can_and_people_are_asked(system: System) -> None:
    guide = await finished_guide(system)

    assert guide.paused["status"] == "waiting"
    statuses = {key: task["status"] for key, task in guide.paused_tasks.items()}
    commands = guide.paused_tasks.keys() - {*PEOPLE} - AFTER_THE_SIGN_OFF
    assert {key for key, status in statuses.items() if status == "done"} == commands
    assert {key for key, status in statuses.items() if status == "blocked"} == {"sign-off", *AFTER_THE_SIGN_OFF}
    asked = {(each["key"], each["member"]["key"]) for each in guide.paused["waiting_for"]}
    assert asked == {("confirm-names", "duarte"), ("read-accounts", "bento"), ("try-on-phones", "claire")}


async def test_the_run_is_finished_when_its_people_have_done_what_they_were_asked_for(system: System) -> None:
    guide = await finished_guide(system)

    assert (guide.run["status"], guide.run["epoch"]) == ("finished", 1)
    assert {task["status"] for task in guide.tasks.values()} == {"done"}
    assert sorted(guide.done_by_people) == sorted(PEOPLE)
    assert guide.done_by_people[-1] == "sign-off"


async def test_every_requirement_that_is_covered_is_satisfied(system: System, api: Api) -> None:
    guide = await finished_guide(system)

    async def told() -> bool:
        """The planner hears of the last completion a moment after the run's end."""
        requirements = await api.all(f"/projects/{guide.run['project_id']}/requirements")
        return all(each["satisfied"] == bool(each["covered_by"]) for each in requirements)

    await eventually(told)
    requirements = await api.all(f"/projects/{guide.run['project_id']}/requirements")
    assert [each["ref"] for each in requirements if not each["covered_by"]] == [GAP]
    assert len(requirements) == 18


async def test_the_mirror_that_is_out_of_date_costs_one_further_attempt(system: System, api: Api) -> None:
    guide = await finished_guide(system)

    attempts = {key: task["attempts"] for key, task in guide.tasks.items() if key not in PEOPLE}
    assert attempts.pop("fetch-places") == 2
    assert set(attempts.values()) == {1}
    first, second = await api.all("/attempts", task_id=guide.tasks["fetch-places"]["id"])
    assert (first["status"], first["failure"], first["evidence"]["exit_code"]) == ("failed", "transient", 75)
    assert (second["status"], second["number"]) == ("succeeded", 2)


async def test_every_output_is_in_the_artifact_store_under_its_hash(system: System) -> None:
    guide = await finished_guide(system)

    hashes = {found for outputs in guide.outputs().values() for found in outputs.values()}
    assert len(hashes) >= 12
    async with system.client() as client:
        for wanted in hashes:
            answer = await client.get(f"/api/v1/artifacts/{wanted}")
            assert sha256(answer.content).hexdigest() == wanted


async def test_both_runtimes_come_to_the_same(on_one_process: System, on_five_processes: System) -> None:
    one, five = await finished_guide(on_one_process), await finished_guide(on_five_processes)

    assert one.outputs() == five.outputs()
    assert [key for key, outputs in one.outputs().items() if not outputs] == [*PEOPLE, "verify-files"]
    for told in ("status", "attempts", "role", "covers", "minutes", "points", "order"):
        assert {k: t[told] for k, t in one.tasks.items()} == {k: t[told] for k, t in five.tasks.items()}
    assert one.assignees() == five.assignees()
    assert one.run["totals"] == five.run["totals"]
    assert one.run["sandbox_levels"] == five.run["sandbox_levels"]
    assert one.run["cgroups"] == five.run["cgroups"]
    assert sum(one.run["cgroups"].values()) == sum(one.run["sandbox_levels"].values())
