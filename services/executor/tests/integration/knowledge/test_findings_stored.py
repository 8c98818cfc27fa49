"""What is known in the database: where it comes from, what is found first, what is left of what was removed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise

import pytest
from services.executor.tests.dispatches import dispatched, python
from services.executor.tests.integration.knowledge.store import AGENT, HERE, Store, texts
from sqlalchemy import select, text

from orchestra.chassis.testing.fakes import HeldClock
from orchestra.executor.adapters.knowledge.tables import FINDING
from orchestra.executor.application.knowledge.learn import MOST_AT_ONCE
from orchestra.executor.application.knowledge.ports import Origin, Place
from orchestra.executor.domain.knowledge.briefing import MOST_CHARACTERS
from orchestra.executor.domain.knowledge.errors import FindingKnown


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    made = Store(url, HeldClock())
    yield made
    await made.close()


async def test_a_finding_says_where_it_comes_from(store: Store) -> None:
    await store.learn(("gotcha", "The tide table is in UTC."))
    added = await store.add("decision", "Maps are drawn in SVG.")

    by_person, by_agent = await store.known()

    assert (by_person, by_person.origin) == (added, Origin(person="ana"))
    assert (by_agent.origin, by_agent.finding.kind) == (AGENT, "gotcha")
    assert by_agent.at == store.database.clock.now()


async def test_the_key_of_a_task_is_looked_up_where_it_is_not_told(store: Store) -> None:
    event = dispatched(python(""), key="draw-map")
    await store.write(lambda work: work.attempts.accept([(event, None)]))
    same, foreign = (
        Origin(event.run_id, event.task_id, None, event.attempt_id, "scout"),
        Origin("run_2", "tsk_2", None, "att_of_nobody", "scout"),
    )

    await store.learn(("gotcha", "One"), origin=same)
    await store.learn(("gotcha", "Two"), origin=foreign)
    await store.learn(("gotcha", "Three"), origin=same, place=Place("wsp_2", "prj_1"))

    assert [each.origin.task_key for each in await store.known()] == [None, "draw-map"]
    [elsewhere] = await store.known(Place("wsp_2", "prj_1"))
    assert elsewhere.origin.task_key is None


async def test_an_agent_that_tells_too_much_is_cut_short(store: Store) -> None:
    told = [("discovery", f"Fact {number}") for number in range(MOST_AT_ONCE + 10)]

    assert len(await store.learn(("gotcha", "x" * 1001), ("rumour", "y"), ("gotcha", " "), *told)) == MOST_AT_ONCE
    assert len(await store.known()) == MOST_AT_ONCE


async def test_what_has_more_of_the_words_and_fewer_others_is_found_first(store: Store) -> None:
    exact, half, long = "Tide tables are in UTC.", "The tide is late.", "A tide table" + " of many other words" * 20
    await store.learn(("gotcha", "Wind is in knots."), ("gotcha", half), ("gotcha", long), ("gotcha", exact))

    assert (await store.found("Are the tide tables in UTC?"))[0] == exact
    assert set(await store.found("tide")) == {exact, half, long}
    assert (await store.found("tide"))[-1] == long
    assert await store.found("tide", "decision") == []
    assert set(await store.found("of the and")) == {half, long}  # common words, and no others
    assert await store.found("!?") == []


async def test_pages_of_a_search_go_through_all_of_it_once(store: Store) -> None:
    await store.learn(*(("gotcha", f"The tide of day {number}") for number in range(25)))

    pages = [await store.found("tide", limit=10, offset=offset) for offset in (0, 10, 20, 30)]

    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert len({each for page in pages for each in page}) == 25


async def test_newest_go_in_pages_by_their_ids(store: Store) -> None:
    await store.learn(*(("gotcha", f"Fact {number}") for number in range(7)))
    seen = await store.known()

    older = await store.read(lambda view: view.findings.newest(HERE, ["gotcha"], limit=3, before=seen[2].id))

    assert texts(older) == texts(seen[3:6])
    assert all(one.id > two.id for one, two in pairwise(seen))


async def test_of_what_was_removed_only_its_hash_is_left(store: Store, url: str) -> None:
    await store.learn(("gotcha", "The password is swordfish."))
    [known] = await store.known()

    await store.remove(known.id)

    assert (await store.known(), await store.found("swordfish")) == ([], [])
    async with store.database.read() as view:
        [row] = (await view.connection.execute(select(FINDING))).all()
        assert (row.hash, row.text, row.words, row.removed_by) == (known.finding.digest, "", "", "ana")
        if url.startswith("sqlite"):
            assert (await view.connection.execute(text("SELECT count(*) FROM finding_text"))).scalar_one() == 0
        else:
            assert (await view.connection.execute(text("SELECT searched::text FROM finding"))).scalar_one() == ""


async def test_an_agent_does_not_bring_back_what_was_removed_and_a_person_may(store: Store) -> None:
    await store.learn(("gotcha", "The tide is late."))
    [known] = await store.known()
    await store.remove(known.id)

    assert await store.learn(("discovery", "the tide is late")) == []
    store.database.clock.advance(timedelta(days=1))  # pyright: ignore[reportAttributeAccessIssue]
    again = await store.add("decision", "The tide is late!")

    assert await store.known() == [again]
    assert again.id != known.id
    assert again.at == known.at + timedelta(days=1)
    assert await store.found("tide") == ["The tide is late!"]
    with pytest.raises(FindingKnown, match=again.id):
        await store.add("gotcha", "THE TIDE IS LATE")


async def test_many_who_learn_the_same_at_once_keep_it_once(store: Store) -> None:
    facts = [("gotcha", f"Fact {number}") for number in range(10)]

    learned = await asyncio.gather(*(store.learn(*(facts[n:] + facts[:n])) for n in range(10)))

    assert sorted(each for texts_ in learned for each in texts_) == sorted(text_ for _, text_ in facts)
    assert len(await store.known()) == 10


async def test_what_is_removed_while_it_is_learned_stays_away(store: Store) -> None:
    for number in range(5):
        text_ = f"Fact {number}"
        await store.learn(("gotcha", text_))
        [known] = [each for each in await store.known() if each.finding.text == text_]

        await asyncio.gather(store.remove(known.id), *(store.learn(("gotcha", text_)) for _ in range(4)))

    assert await store.known() == []


async def test_a_briefing_begins_with_what_the_work_is_about(store: Store) -> None:
    filler = [("constraint", f"Rule {number}: " + "x" * 300) for number in range(20)]
    await store.learn(("reference", "Tide tables stand in docs/tides.csv."), ("discovery", "Gulls are loud."))
    await store.learn(*filler)

    told = await store.briefing("Draw the tides of the harbour from the tide tables.")

    assert len(told) <= MOST_CHARACTERS
    assert "References\n- Tide tables stand in docs/tides.csv." in told
    assert "Rule 19" in told  # the newest of what always counts
    assert "Rule 0:" not in told
    assert "Gulls" not in told
    assert await store.briefing("", Place("wsp_1", "prj_2")) == ""
    assert await store.briefing("tides", Place("wsp_2", "prj_1")) == ""


async def test_accents_and_scripts_are_found_alike_on_both_databases(store: Store) -> None:
    await store.learn(("gotcha", "Die Straße heißt ÉCOLE."), ("gotcha", "潮汐表は世界時です。"), ("gotcha", "Ecole"))

    assert await store.found("STRASSE") == ["Die Straße heißt ÉCOLE."]
    assert await store.found("école") == ["Die Straße heißt ÉCOLE."]
    assert await store.found("潮汐表は世界時です") == ["潮汐表は世界時です。"]
