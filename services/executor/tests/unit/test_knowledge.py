"""Findings as values: when two are the same, what words they have, and what whoever begins work is told."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.executor.domain.knowledge.briefing import GROUPS, MOST_CHARACTERS, brief
from orchestra.executor.domain.knowledge.errors import BadFinding
from orchestra.executor.domain.knowledge.finding import KINDS, Finding, finding, one_line
from orchestra.executor.domain.knowledge.meaning import fused, nearest, packed
from orchestra.executor.domain.knowledge.words import COMMON, LONGEST, asked, words_of

VECTORS = st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=8).filter(any)
ANY = st.text(st.characters(exclude_categories=()), max_size=200)
FINDINGS = st.lists(st.builds(Finding, st.sampled_from(KINDS), st.text("ab -", min_size=1, max_size=1000)), max_size=12)


@pytest.mark.parametrize(
    "text",
    [
        "The tide table is in UTC",
        "the tide table is in utc.",
        "  The tide\ttable\n is in UTC ! ",
        "THE TIDE TABLE IS IN UTC...",
        "The\u00a0tide table is in UTC…",
        "The tide\u200b table is in UTC\x00",
        "Ｔｈｅ ｔｉｄｅ table is in UTC\uff01",  # noqa: RUF001 - the same letters, wide
    ],
)
def test_case_space_and_the_end_make_no_other_finding(text: str) -> None:
    assert finding("gotcha", text).digest == Finding("discovery", "The tide table is in UTC").digest


@pytest.mark.parametrize("text", ["The tide table is in CET", "Is the tide table in UTC", "The tide-table is in UTC"])
def test_other_words_are_another_finding(text: str) -> None:
    assert finding("gotcha", text).digest != finding("gotcha", "The tide table is in UTC").digest


@pytest.mark.parametrize("text", ["", " \n", "…", "?!", "\x00\u200b", "\ud800"])
def test_what_says_nothing_is_no_finding(text: str) -> None:
    with pytest.raises(BadFinding, match="says nothing"):
        finding("gotcha", text)


def test_a_finding_is_no_longer_than_a_thousand_characters_without_its_spaces() -> None:
    assert finding("gotcha", "  " + "a" * 1000 + "\n").text == "a" * 1000
    with pytest.raises(BadFinding, match="1001 characters"):
        finding("gotcha", "a" * 1001)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(BadFinding, match="constraint, decision"):
        finding("rumour", "The tide is late")


def test_what_no_reader_sees_is_left_out() -> None:
    hidden = "".join(chr(0xE0000 + ord(each)) for each in "obey")

    assert finding("gotcha", f"The\u202e tide{hidden} is\x1b late").text == "The tide is late"
    assert finding("gotcha", "می‌خواهم").text == "می‌خواهم"


@given(ANY)
def test_a_line_stays_as_it_is_when_it_is_cleaned_again(text: str) -> None:
    line = one_line(text)

    assert one_line(line) == line
    assert not {"\n", "\x00", "  "} & {line, *line}
    line.encode()


@given(ANY)
def test_words_are_letters_and_digits_alone(text: str) -> None:
    for word in words_of(text):
        assert word.isalnum()
        assert 0 < len(word) <= LONGEST
        assert words_of(word) == [word]
    assert set(asked(text, 5)) <= set(words_of(text))


def test_paths_and_names_are_found_by_their_parts() -> None:
    assert words_of("See docs/tide_table-v2.csv (UTC+1)") == ["see", "docs", "tide", "table", "v2", "csv", "utc", "1"]


def test_common_words_are_asked_for_only_where_there_are_no_others() -> None:
    assert asked("How is the tide, and how the TIDE table?", 10) == ["tide", "table"]
    assert asked("which one is it?", 10) == ["which", "one", "is", "it"]
    assert asked("tide table wind wave", 2) == ["tide", "table"]
    assert all(words_of(word) == [word] for word in COMMON)


@given(FINDINGS)
def test_a_briefing_is_short_whole_and_tells_nothing_twice(findings: list[Finding]) -> None:
    text = brief(findings)

    assert len(text) <= MOST_CHARACTERS
    lines = [line.removeprefix("- ") for line in text.splitlines() if line.startswith("- ")]
    told = [each.text for each in dict.fromkeys(findings)]
    assert all(lines.count(line) <= told.count(line) for line in lines)
    assert bool(text) == bool(findings)  # the longest alone would fit
    heads = [line for line in text.splitlines() if line in GROUPS.values()]
    assert heads == [title for title in GROUPS.values() if title in heads]


def test_the_first_findings_go_before_all_others() -> None:
    first, second = Finding("reference", "a" * 1000), Finding("gotcha", "b" * 1000)
    long, short = Finding("constraint", "c" * 1000), Finding("constraint", "c")

    text = brief([first, second, long, short])

    assert first.text in text
    assert second.text in text
    assert long.text not in text
    assert "Constraints\n- c\n\nGotchas\n- b" in text


def test_nothing_known_is_nothing_said() -> None:
    assert brief([]) == ""


@given(VECTORS)
def test_a_vector_is_kept_by_its_direction_alone(vector: list[float]) -> None:
    kept = packed(vector)
    numbers = struct.unpack(f"<{len(vector)}f", kept)

    assert math.hypot(*numbers) == pytest.approx(1, abs=1e-5)
    assert nearest(kept, [("same", kept), ("other", packed([-each for each in vector]))], 2) == ["same", "other"]


def test_vectors_of_another_length_are_not_compared() -> None:
    question = packed([1.0, 0.0])
    known = [("across", packed([0.0, 1.0])), ("longer", packed([1.0, 0.0, 0.0])), ("near", packed([0.9, 0.1]))]

    assert nearest(question, known, 5) == ["near", "across"]
    assert nearest(question, known, 1) == ["near"]
    assert nearest(question, [], 5) == []


RANKING = st.lists(st.sampled_from("abcdef"), unique=True)


@given(RANKING, RANKING)
def test_what_stands_high_in_both_orders_goes_first(one: list[str], two: list[str]) -> None:
    order = fused(one, two)

    assert sorted(order) == sorted({*one, *two})
    for each in order:
        for other in order:
            if all(each in ranking for ranking in (one, two)) and all(
                other not in ranking or ranking.index(each) < ranking.index(other) for ranking in (one, two)
            ):
                assert order.index(each) <= order.index(other)
    assert fused(one) == one
