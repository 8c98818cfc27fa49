"""What is known is found by what it means: vectors are made by a loop, paid for, and put beside the words."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from services.executor.tests.integration.harness import Executor, until
from services.executor.tests.integration.knowledge.store import AGENT, HERE, Store
from services.executor.tests.integration.knowledge.test_knowledge_of_agents import ask, assigned
from sqlalchemy import select
from tests.standins import ModelStandIn
from tests.standins.server import KEY

from orchestra.chassis.testing.fakes import HeldClock
from orchestra.executor.adapters.knowledge.tables import FINDING
from orchestra.executor.adapters.money.tables import LEDGER
from orchestra.executor.application.knowledge.embed_findings import AT_ONCE, PAUSE, embed_findings
from orchestra.executor.application.knowledge.learn import learn
from orchestra.executor.application.knowledge.ports import NoMeaning, Place
from orchestra.executor.application.models.ports import Caller
from orchestra.executor.domain.knowledge.meaning import packed
from orchestra.executor.entrypoints.meanings import meanings_loop

EMBEDS = "text-embedding-3-small"
FILE = """
embeddings = "house/text-embedding-3-small"
embeddings_price = 1000

[providers.house]
flavour = "openai"
url = "{url}"
key_env = "STANDIN_KEY"
tries = 1
failures = 1000
"""


@pytest.fixture
async def provider(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelStandIn]:
    monkeypatch.setenv("STANDIN_KEY", KEY)
    async with ModelStandIn(models=(EMBEDS,)) as standin:
        standin.same = {"flood": "tide", "gale": "wind"}
        yield standin


@asynccontextmanager
async def executor_at(url: str, folder: Path, provider: ModelStandIn, **settings: Any) -> AsyncIterator[Executor]:
    models = folder / "models.toml"
    models.write_text(FILE.format(url=provider.url))
    async with Executor(url, folder, models_file=models, model_calls="loopback", **settings).at_work() as running:
        yield running


async def search(executor: Executor, **arguments: Any) -> str:
    """What the running executor's tool answers."""
    [tool] = await executor.running.app.state.knowledge.tools(assigned(), ["search_knowledge"])
    told = await ask(tool, **arguments)
    assert not told.failed
    return told.text


async def keep(executor: Executor, *texts: str, place: Place = HERE) -> None:
    async with executor.database.begin() as work:
        await learn(work, place, AGENT, [("gotcha", text) for text in texts])


async def rows(executor: Any) -> list[Any]:
    async with executor.database.read() as view:
        return list((await view.connection.execute(select(FINDING).order_by(FINDING.c.position))).all())


async def all_embedded(executor: Executor) -> None:
    async def done() -> bool:
        return all(row.embedded_by and row.embedding_due is None for row in await rows(executor))

    await until(done)


async def test_a_finding_without_the_words_is_found_by_what_it_means(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    async with executor_at(url, tmp_path, provider) as executor:
        await keep(executor, "The tide is late.", "The wind is in knots.", "Maps are SVG.")
        await all_embedded(executor)

        told = await search(executor, query="flood", limit=1)
        both = await search(executor, query="gale maps", limit=2)

        assert "The tide is late." in told
        assert both.index("Maps are SVG.") < both.index("The wind is in knots.")  # by words and meaning, by meaning
        async with executor.database.read() as view:
            spent = (await view.connection.execute(select(LEDGER))).all()
        assert {(row.purpose, row.status, row.project_id) for row in spent} == {("knowledge", "settled", "prj_1")}
        assert sum(row.used_micros for row in spent if row.attempt_id is None) == 1000 * (5 + 6 + 4)
        assert {(row.attempt_id, row.agent) for row in spent if row.attempt_id} == {("att_1", "scout")}


async def test_without_the_provider_words_have_to_do_and_vectors_come_later(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    provider.away = True
    async with executor_at(url, tmp_path, provider) as executor:
        await keep(executor, "The tide is late.")

        async def put_off() -> bool:
            return all(row.embedding_due > row.at for row in await rows(executor))

        await until(put_off)
        assert "The tide is late." in await search(executor, query="tide")
        assert "Nothing is known" in await search(executor, query="flood")
        async with executor.database.read() as view:
            assert sum((await view.connection.execute(select(LEDGER.c.used_micros))).scalars()) == 0


async def test_without_money_nothing_is_asked_and_words_have_to_do(
    url: str, tmp_path: Path, provider: ModelStandIn
) -> None:
    async with executor_at(url, tmp_path, provider, budget_project_usd="0") as executor:
        await keep(executor, "The tide is late.")

        assert "The tide is late." in await search(executor, query="tide")
        assert provider.embedded == []


async def test_a_question_of_any_text_is_one(url: str, tmp_path: Path, provider: ModelStandIn) -> None:
    async with executor_at(url, tmp_path, provider) as executor:
        await keep(executor, "The tide is late.")
        await all_embedded(executor)
        for question in ("\ud800", "\x00", " ", '"OR NEAR(', "é" * 500):
            await search(executor, query=question)


class Counting:
    """Vectors of texts by their lengths; what was asked is counted."""

    def __init__(self, model: str = "one") -> None:
        self.model, self.asked, self.fails, self.gate = model, list[list[str]](), False, asyncio.Event()
        self.gate.set()

    async def of(self, caller: Caller, texts: Any) -> Any:
        self.asked.append(list(texts))
        await self.gate.wait()
        if self.fails:
            raise NoMeaning("nobody is there")
        return [packed([1.0, float(len(text))]) for text in texts]


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    made = Store(url, HeldClock())
    yield made
    await made.close()


async def test_a_request_has_the_texts_of_one_project(store: Store) -> None:
    other = Place("wsp_2", "prj_1")
    await store.learn(*(("gotcha", f"Fact {number}") for number in range(AT_ONCE + 1)))
    await store.learn(("gotcha", "Elsewhere"), place=other)
    meanings = Counting()

    while await embed_findings(store.database.begin, meanings):
        pass

    assert sorted(map(len, meanings.asked)) == [1, 1, AT_ONCE]
    assert ["Elsewhere"] in meanings.asked


async def test_several_executors_ask_for_each_text_once(store: Store) -> None:
    await store.learn(*(("gotcha", f"Fact {number}") for number in range(40)))
    meanings = Counting()

    async def all_of_them() -> None:
        while await embed_findings(store.database.begin, meanings):
            pass

    await asyncio.gather(*(all_of_them() for _ in range(3)))

    asked = [text for texts in meanings.asked for text in texts]
    assert len(asked) == len(set(asked)) == 40


async def test_what_one_who_is_gone_had_taken_is_taken_up_after_its_time(store: Store) -> None:
    await store.learn(("gotcha", "Fact"))
    meanings = Counting()
    meanings.gate.clear()
    gone = asyncio.create_task(embed_findings(store.database.begin, meanings))
    async with asyncio.timeout(10):
        while not meanings.asked:
            await asyncio.sleep(0.005)
    gone.cancel()
    await asyncio.wait([gone])
    meanings.gate.set()

    assert not await embed_findings(store.database.begin, meanings)
    store.database.clock.advance(timedelta(minutes=16))  # pyright: ignore[reportAttributeAccessIssue]
    assert await embed_findings(store.database.begin, meanings)
    assert [row.embedded_by for row in await rows(store)] == ["one"]


async def test_what_fails_is_put_off_and_holds_nobody_up(store: Store) -> None:
    await store.learn(("gotcha", "Fact"))
    meanings = Counting()
    meanings.fails = True

    assert await embed_findings(store.database.begin, meanings)
    assert not await embed_findings(store.database.begin, meanings)
    store.database.clock.advance(PAUSE)  # pyright: ignore[reportAttributeAccessIssue]
    assert await embed_findings(store.database.begin, meanings)
    assert len(meanings.asked) == 2


async def test_what_is_removed_meanwhile_keeps_no_vector_and_what_comes_back_gets_one(store: Store) -> None:
    await store.learn(("gotcha", "Fact"))
    [known] = await store.known()
    meanings = Counting()
    meanings.gate.clear()
    embedding = asyncio.create_task(embed_findings(store.database.begin, meanings))
    async with asyncio.timeout(10):
        while not meanings.asked:
            await asyncio.sleep(0.005)
    await store.remove(known.id)
    meanings.gate.set()
    await embedding

    [row] = await rows(store)
    assert (row.embedding, row.embedded_by, row.embedding_due) == (None, None, None)
    await store.add("gotcha", "Fact")
    assert await embed_findings(store.database.begin, meanings)
    assert (await rows(store))[0].embedded_by == "one"


async def test_another_model_makes_all_vectors_anew(store: Store) -> None:
    await store.learn(("gotcha", "Fact"), ("gotcha", "Another"))
    assert await embed_findings(store.database.begin, Counting("one"))

    step = meanings_loop(store.database, Counting("two")).step
    assert await step()
    assert not await step()

    assert [row.embedded_by for row in await rows(store)] == ["two", "two"]
    async with store.database.read() as view:
        assert await view.embeddings.of(HERE, ["gotcha"], "one", 10) == []
        assert len(await view.embeddings.of(HERE, ["gotcha"], "two", 10)) == 2
        assert await view.embeddings.of(Place("wsp_2", "prj_1"), ["gotcha"], "two", 10) == []
