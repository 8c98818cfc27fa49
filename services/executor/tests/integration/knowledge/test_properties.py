"""Whatever is learned, added, removed and asked, in whatever order and by whom: nothing is known twice, nobody sees
another one's, what was removed stays away until a person brings it back, and no text is taken for a query language.

The model is a dictionary; the executor's own parts do everything else, on both databases.
"""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from services.executor.tests.integration.knowledge.store import Store, digest_of, texts

from orchestra.executor.application.knowledge.ports import KnownFinding, Place
from orchestra.executor.domain.knowledge.briefing import MOST_CHARACTERS
from orchestra.executor.domain.knowledge.errors import BadFinding, FindingKnown, UnknownFinding
from orchestra.executor.domain.knowledge.finding import KINDS, Finding, finding
from orchestra.executor.domain.knowledge.words import asked

ANY = st.text(st.characters(exclude_categories=()), max_size=60)
HOSTILE = st.sampled_from(
    [
        '"',
        "'; DROP TABLE finding; --",
        "NEAR(tide table)",
        "tide AND",
        "OR",
        "NOT tide",
        "-tide",
        "words:tide",
        "{words} : tide",
        "tide*",
        "^tide",
        "(((",
        "a <-> b",
        "tide & !table | :*",
        "%s %(x)s :x $1",
        "\x00tide\x00",
        "\ud800",
        "a" * 5000,
        "é" * 3000,
        "tide " * 2000,
        "x" * 99 + "ß" * 10,
    ]
)
TIDE = st.sampled_from(["The tide is late", "the  tide is LATE.", "Wind, from docs/wind_table.csv", "tide tide wind"])
TEXT = TIDE | HOSTILE | ANY
KIND = st.sampled_from([*KINDS, "rumour"])
PLACES = st.sampled_from([("one", "p"), ("one", "q"), ("two", "p")])
NUMBER = st.integers(0, 20)


class Knowing(RuleBasedStateMachine):
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = Store(self.url)
        self.name = uuid4().hex
        self.known: defaultdict[Place, dict[str, Finding]] = defaultdict(dict)
        self.removed: defaultdict[Place, set[str]] = defaultdict(set)

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def place(self, named: tuple[str, str]) -> Place:
        return Place(f"wsp_{named[0]}_{self.name}", f"prj_{named[1]}")

    def listed(self, place: Place) -> list[KnownFinding]:
        return self.do(self.store.known(place))

    @rule(where=PLACES, told=st.lists(st.tuples(KIND, TEXT), max_size=4))
    def learn(self, where: tuple[str, str], told: list[tuple[str, str]]) -> None:
        place = self.place(where)
        expected: list[str] = []
        for kind, text in told:
            try:
                each = finding(kind, text)
            except BadFinding:
                continue
            if each.digest not in self.known[place] and each.digest not in self.removed[place]:
                self.known[place][each.digest] = each
                expected.append(each.text)
        assert self.do(self.store.learn(*told, place=place)) == expected

    @rule(where=PLACES, kind=KIND, text=TEXT)
    def add(self, where: tuple[str, str], kind: str, text: str) -> None:
        place = self.place(where)
        try:
            each = finding(kind, text)
        except BadFinding:
            with pytest.raises(BadFinding):
                self.do(self.store.add(kind, text, place))
            return
        if each.digest in self.known[place]:
            with pytest.raises(FindingKnown):
                self.do(self.store.add(kind, text, place))
            return
        added = self.do(self.store.add(kind, text, place))
        assert (added.finding, added.origin.person) == (each, "ana")
        self.known[place][each.digest] = each
        self.removed[place].discard(each.digest)

    @rule(where=PLACES, from_=PLACES, number=NUMBER)
    def remove(self, where: tuple[str, str], from_: tuple[str, str], number: int) -> None:
        place, listed = self.place(where), self.listed(self.place(from_))
        if not listed:
            return
        chosen = listed[number % len(listed)]
        if place != self.place(from_):
            with pytest.raises(UnknownFinding):
                self.do(self.store.remove(chosen.id, place))
            return
        self.do(self.store.remove(chosen.id, place))
        del self.known[place][chosen.finding.digest]
        self.removed[place].add(chosen.finding.digest)

    @rule(where=PLACES, question=TEXT, kind=st.none() | st.sampled_from(KINDS))
    def search(self, where: tuple[str, str], question: str, kind: Any) -> None:
        place = self.place(where)
        mine = [each for each in self.known[place].values() if kind in (None, each.kind)]

        found = self.do(self.store.found(question, kind, place))

        assert len(found) == len(set(found))
        assert set(found) <= {each.text for each in mine}
        plain = {word for word in asked(question, 32) if word.isascii()}
        for each in mine:
            if plain & {word for word in asked(each.text, 10_000) if word.isascii()}:
                assert each.text in found

    @rule(where=PLACES, about=TEXT)
    def brief(self, where: tuple[str, str], about: str) -> None:
        place = self.place(where)
        text = self.do(self.store.briefing(about, place))
        assert len(text) <= MOST_CHARACTERS
        told = {line.removeprefix("- ") for line in text.split("\n") if line.startswith("- ")}
        assert told <= {each.text for each in self.known[place].values()}
        always = any(each.kind in ("constraint", "decision", "gotcha") for each in self.known[place].values())
        assert bool(told) or not always

    @invariant()
    def what_is_listed_is_what_is_known(self) -> None:
        for place, known in self.known.items():
            listed = self.listed(place)
            assert sorted(texts(listed)) == sorted(each.text for each in known.values())
            assert len({digest_of(text) for text in texts(listed)}) == len(listed)
            assert [each.id for each in listed] == sorted((each.id for each in listed), reverse=True)

    def teardown(self) -> None:
        self.do(self.store.close())
        self.loop.close()


@pytest.mark.timeout(300)
def test_no_order_of_events_knows_twice_brings_back_or_shows_to_others(url: str) -> None:
    machine = type("KnowingHere", (Knowing,), {"url": url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
