"""Budgets, costs and the ledger over HTTP, on both databases."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from services.executor.tests.integration.harness import Executor
from services.executor.tests.integration.money.vault import entry
from sqlalchemy import update

from orchestra.chassis.http.problems import add_problem_handlers
from orchestra.executor.adapters.money.tables import BUDGET
from orchestra.executor.domain.money.amounts import Amounts
from orchestra.executor.domain.money.scopes import Spending
from orchestra.executor.entrypoints.money.till import Till
from orchestra.executor.service import service


@pytest.fixture
async def executor(url: str, tmp_path: Path) -> AsyncIterator[Executor]:
    async with Executor(url, tmp_path / "files", budget_project_usd="0.5").at_work() as executor:
        yield executor


@pytest.fixture
async def client(executor: Executor) -> AsyncIterator[httpx.AsyncClient]:
    async with executor.client() as client:
        yield client


async def spend(executor: Executor, task: str, micros: int, model: str = "small", agent: str = "scout") -> None:
    till = Till(executor.database)
    spending = Spending("wsp_1", "prj_1", "att", 1, "run_1", task, agent=agent, model=model)
    hold = await till.hold(spending, Amounts(micros=micros, tokens=10, requests=1), soon())
    await till.begin(hold)
    await till.settle(hold, entry(micros, tokens=7))


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


async def test_a_new_workspace_has_the_defaults(client: httpx.AsyncClient) -> None:
    budgets = (await client.get("/budgets")).json()["data"]

    assert [(each["scope"], each["limit"]["micros"]) for each in budgets] == [("day", 5_000_000), ("month", 50_000_000)]
    assert budgets[0]["period"] == datetime.now(UTC).date().isoformat()
    project = (await client.get("/budgets/project/prj_1")).json()
    assert (project["limit"]["micros"], project["own"], project["left"]["tokens"]) == (500_000, False, None)
    assert (await client.get("/budgets/task/tsk_1")).json()["limit"]["micros"] is None


async def test_what_was_spent_is_in_every_scope_and_pages_go_through_all(
    executor: Executor, client: httpx.AsyncClient
) -> None:
    await spend(executor, "tsk_1", 300)
    await spend(executor, "tsk_2", 50)

    seen, cursor = [], None
    while True:
        page = (await client.get("/budgets", params={"limit": 2, **({"cursor": cursor} if cursor else {})})).json()
        seen += page["data"]
        if (cursor := page["next_cursor"]) is None:
            break

    assert [(each["scope"], each["name"], each["settled"]["micros"]) for each in seen] == [
        ("day", "all", 350),
        ("month", "all", 350),
        ("project", "prj_1", 350),
        ("run", "run_1", 350),
        ("task", "tsk_1", 300),
        ("task", "tsk_2", 50),
    ]
    assert seen[2]["left"]["micros"] == 499_650
    tasks = (await client.get("/budgets", params={"scope": "task"})).json()["data"]
    assert [each["name"] for each in tasks] == ["tsk_1", "tsk_2"]


async def test_a_limit_is_set_topped_up_and_taken_back(client: httpx.AsyncClient) -> None:
    put = await client.put("/budgets/project/prj_1", json={"micros": 1000, "tokens": 50})
    assert put.json()["limit"] == {"micros": 1000, "tokens": 50, "requests": None, "minutes": None}

    key = {"Idempotency-Key": "once"}
    topped = await client.post("/budgets/project/prj_1/top-up", json={"micros": 500}, headers=key)
    again = await client.post("/budgets/project/prj_1/top-up", json={"micros": 500}, headers=key)
    assert topped.json()["limit"]["micros"] == again.json()["limit"]["micros"] == 1500
    assert again.headers["idempotent-replayed"] == "true"
    assert topped.json()["topped_up"]["micros"] == 500

    kept = await client.put("/budgets/project/prj_1", json={"tokens": None})
    assert (kept.json()["limit"]["micros"], kept.json()["limit"]["tokens"]) == (1500, None)
    assert (await client.get("/budgets/project/prj_1")).json() == kept.json()
    assert (await client.delete("/budgets/project/prj_1")).json()["limit"]["micros"] == 500_000


async def test_the_limit_of_a_day_holds_for_every_day_and_its_top_up_for_this_one(
    executor: Executor, client: httpx.AsyncClient
) -> None:
    await client.put("/budgets/day/all", json={"micros": 1000})
    topped = (await client.post("/budgets/day/all/top-up", json={"micros": 1})).json()

    assert topped["limit"]["micros"] == 1001
    async with executor.database.begin() as work:  # as if it had been yesterday
        await work.connection.execute(
            update(BUDGET).where(BUDGET.c.period != "").values(period="2020-01-01", key="wsp_1/day/all/2020-01-01")
        )
    assert (await client.get("/budgets/day/all")).json()["limit"]["micros"] == 1000


async def test_a_counter_that_differs_from_the_ledger_is_mended_when_it_is_read_and_told(
    executor: Executor, client: httpx.AsyncClient
) -> None:
    await spend(executor, "tsk_1", 300)
    async with executor.database.begin() as work:
        await work.connection.execute(update(BUDGET).where(BUDGET.c.scope == "task").values(settled_micros=7))

    assert (await client.get("/budgets/task/tsk_1")).json()["settled"]["micros"] == 300

    readings = executor.running.readings
    [finding] = [f for f in await readings.findings() if f.alert == "OrchestraBudgetMended"]
    assert "1 budgets differed" in finding.problem


async def test_costs_are_added_up_by_what_one_asks_for(executor: Executor, client: httpx.AsyncClient) -> None:
    for task, micros, model in (("tsk_1", 300, "small"), ("tsk_1", 20, "large"), ("tsk_2", 50, "small")):
        await spend(executor, task, micros, model)

    async def costs(by: str, **more: str) -> dict[str, tuple[int, int]]:
        answer = (await client.get("/costs", params={"by": by, **more})).json()
        return {each["group"]: (each["micros"], each["calls"]) for each in answer["data"]}

    assert await costs("task") == {"tsk_1": (320, 2), "tsk_2": (50, 1)}
    assert await costs("model") == {"small": (350, 2), "large": (20, 1)}
    assert await costs("run") == {"run_1": (370, 3)}
    assert await costs("agent", task_id="tsk_2") == {"scout": (50, 1)}
    assert await costs("day") == {datetime.now(UTC).date().isoformat(): (370, 3)}
    assert await costs("task", project_id="prj_2") == {}
    first = (await client.get("/costs", params={"by": "task", "limit": 1})).json()
    second = (await client.get("/costs", params={"by": "task", "cursor": first["next_cursor"]})).json()
    assert [each["group"] for each in first["data"] + second["data"]] == ["tsk_1", "tsk_2"]
    rows = (await client.get("/ledger", params={"task_id": "tsk_1"})).json()["data"]
    assert [(row["micros"], row["input_tokens"], row["status"]) for row in rows] == [
        (300, 7, "settled"),
        (20, 7, "settled"),
    ]


async def test_another_workspace_sees_nothing_of_it(executor: Executor, client: httpx.AsyncClient) -> None:
    await spend(executor, "tsk_1", 300)
    await client.put("/budgets/project/prj_1", json={"micros": 1000})

    async with executor.client("wsp_2") as stranger:
        assert (await stranger.get("/budgets/project/prj_1")).json()["settled"]["micros"] == 0
        assert len((await stranger.get("/budgets")).json()["data"]) == 2
        assert (await stranger.get("/ledger")).json()["data"] == []
        assert (await stranger.get("/costs", params={"by": "task"})).json()["data"] == []


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/budgets/project/prj_1", '{"micros": -1}', "/micros"),
        ("/budgets/project/prj_1", '{"micros": NaN}', "/micros"),
        ("/budgets/project/prj_1", '{"micros": 1.5}', "/micros"),
        ("/budgets/project/prj_1", '{"micros": "5"}', "/micros"),
        ("/budgets/project/prj_1", '{"micros": true}', "/micros"),
        ("/budgets/project/prj_1", '{"tokens": 1000000000000001}', "/tokens"),
        ("/budgets/project/prj_1", "{}", ""),
        ("/budgets/project/prj_1", '{"usd": 1}', "/usd"),
        ("/budgets/planet/prj_1", '{"micros": 1}', "/scope"),
        ("/budgets/day/prj_1", '{"micros": 1}', None),
    ],
)
async def test_what_is_no_limit_is_refused(
    client: httpx.AsyncClient, path: str, body: str, pointer: str | None
) -> None:
    answer = await client.put(path, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 422
    if pointer is not None:
        assert answer.json()["errors"][0]["pointer"] == pointer
    else:
        assert answer.json()["code"] == "unknown-scope"


async def test_what_has_no_limit_cannot_be_topped_up(client: httpx.AsyncClient) -> None:
    answer = await client.post("/budgets/task/tsk_1/top-up", json={"micros": 5})

    assert (answer.status_code, answer.json()["code"]) == (409, "no-limit")


async def test_a_refusal_is_a_problem_with_its_numbers(executor: Executor) -> None:
    """By an endpoint that spends, with the service's own table of refusals."""
    app, till = FastAPI(), Till(executor.database)
    add_problem_handlers(app, service.refusals)

    @app.post("/calls")
    async def call() -> None:
        await till.hold(Spending("wsp_1", "prj_1", "att", 1), Amounts(micros=400_000), soon())

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://calls") as client:
        assert (await client.post("/calls")).status_code == 200
        answer = await client.post("/calls")

    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["type"].endswith("/budget-exhausted")
    assert (told["limit"], told["settled"], told["held"], told["asked"]) == (500_000, 0, 400_000, 400_000)
    assert (told["scope"], told["name"], told["unit"], told["retryable"]) == ("project", "prj_1", "micros", False)
