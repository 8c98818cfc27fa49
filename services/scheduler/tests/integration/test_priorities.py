"""Of tasks that are ready at once the higher priority goes first, and whoever waits long enough gets ahead of it."""

from datetime import timedelta

from services.scheduler.tests.integration.conftest import Stage, agent, chain, command_task, succeed

from orchestra.chassis.testing.fakes import HeldClock


async def order(stage: Stage) -> list[str]:
    await stage.play(succeed)
    return [event.key for event in await stage.said("task.dispatched.v1")]


async def test_the_higher_priority_goes_first_and_the_plan_settles_ties(stage: Stage) -> None:
    await stage.team(agent(slots=1))
    low, first, second, high = (
        command_task(key, priority=priority) for key, priority in (("low", -5), ("a", 0), ("b", 0), ("high", 7))
    )
    await stage.start(await stage.plan(low, first, second, high))

    assert await order(stage) == ["high", "a", "b", "low"]


async def test_tasks_of_several_pools_go_in_one_order(stage: Stage) -> None:
    await stage.team(agent(slots=1, tools=("true", "sort")))
    plain, other = command_task("plain"), command_task("other", priority=1)
    assert other.command is not None
    command = other.command.model_copy(update={"tools": ("true", "sort")})
    await stage.start(await stage.plan(plain, other.model_copy(update={"command": command})))

    assert await order(stage) == ["other", "plain"]


async def test_a_point_of_priority_is_worth_a_minute_of_waiting(stage: Stage) -> None:
    await stage.team(agent(slots=1))
    clock = stage.running.database.clock = HeldClock()
    gate, old = command_task("gate"), command_task("old")
    urgent, overtaken = command_task("urgent", priority=61), command_task("overtaken", priority=59)
    await stage.start(
        await stage.plan(gate, old, urgent, overtaken, after=(*chain(gate, urgent), *chain(gate, overtaken)))
    )
    [dispatched] = await stage.said("task.dispatched.v1")
    clock.advance(timedelta(hours=1))
    await stage.say(succeed(dispatched))
    await stage.play(succeed, {dispatched.attempt_id})

    assert [event.key for event in await stage.said("task.dispatched.v1")] == ["gate", "urgent", "old", "overtaken"]


async def test_a_newer_plan_gives_a_waiting_task_another_priority(stage: Stage) -> None:
    await stage.team(agent(slots=1))
    gate, a, b = (command_task(key) for key in ("gate", "a", "b"))
    plan = await stage.plan(gate, a, b)
    await stage.start(plan)
    [newer] = stage.parts("pln_newer", (gate, a, b.model_copy(update={"priority": 1})), (), version=2, supersedes=plan)
    await stage.say(newer)

    assert await order(stage) == ["gate", "b", "a"]
