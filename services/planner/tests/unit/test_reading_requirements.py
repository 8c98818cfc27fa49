from hypothesis import given
from hypothesis import strategies as st

from orchestra.planner.adapters.markdown import read_blocks
from orchestra.planner.domain.document import Block
from orchestra.planner.domain.requirements import Reading, Requirement, number_again, read


def reading(text: str) -> Reading:
    return read(read_blocks(text))


def numbered(text: str) -> dict[str, str]:
    result = reading(text)
    assert result.faults == ()
    return {requirement.id: requirement.text for requirement in result.requirements}


def test_each_form_of_the_authors_mark_keeps_its_number() -> None:
    text = """
- R12: colon
- R13. stop
- [R14] brackets
- **R15** bold
- **R16:** bold with its colon
- **[R17]** bold brackets
- (R18) round
- R19 - dash
- [x] R20: a ticked box
"""
    assert numbered(text) == {
        "R12": "colon",
        "R13": "stop",
        "R14": "brackets",
        "R15": "bold",
        "R16": "bold with its colon",
        "R17": "bold brackets",
        "R18": "round",
        "R19": "dash",
        "R20": "a ticked box",
    }


def test_lines_paragraphs_headings_and_table_rows_can_be_marked() -> None:
    text = """# Guide

R1: first line
R2: second line
goes on

[R3]: looks like a link reference

## R4: Offline use

It works on a boat.

| Id | What |
|----|------|
| R5 | a row |
"""
    assert numbered(text) == {
        "R1": "first line",
        "R2": "second line goes on",
        "R3": "looks like a link reference",
        "R4": "Offline use",
        "R5": "a row",
    }


def test_a_mention_of_a_requirement_is_not_a_mark() -> None:
    assert numbered("- R1: one\n- see R2, which must hold\n- R2.5 is a version\n") == {
        "R1": "one",
        "R2": "see R2, which must hold",
    }


def test_unmarked_items_get_numbers_after_the_highest_mark_in_document_order() -> None:
    text = "## Features\n\n- search\n- R7: print\n- export\n"
    assert numbered(text) == {"R8": "search", "R7": "print", "R9": "export"}


def test_items_count_under_headings_that_speak_of_requirements_and_elsewhere_only_if_they_oblige() -> None:
    text = """# Requirements of the guide

## Readers

- walkers
- pupils need to find it

## Constraints

### Size

- fits a pocket

## Out of scope

- must be waterproof
"""
    assert numbered(text) == {"R1": "pupils need to find it", "R2": "fits a pocket"}


def test_sentences_that_oblige_are_requirements_and_questions_are_not() -> None:
    text = "# Note\n\nWe like birds, e.g. Herons. The guide must be\nfree. It shall be short! Should it fold?\n"
    assert numbered(text) == {"R1": "The guide must be free.", "R2": "It shall be short!"}


def test_a_document_that_states_nothing_gives_its_items() -> None:
    assert numbered("# Saturday\n\nFor the market.\n\n- buy milk\n- walk the dog\n") == {
        "R1": "buy milk",
        "R2": "walk the dog",
    }


def test_one_line_of_text_is_one_requirement() -> None:
    line = "Translate the README to French and check the links"
    assert numbered(line) == {"R1": line}


def test_text_without_structure_gives_each_sentence_and_each_line() -> None:
    text = "Translate the README.\nCheck the links\nand the pictures. Then pack it"
    found = reading(text).requirements
    assert [(r.text, r.line) for r in found] == [
        ("Translate the README.", 1),
        ("Check the links and the pictures.", 2),
        ("Then pack it", 3),
    ]


def test_what_hangs_on_a_requirement_is_its_detail() -> None:
    text = """## Features

- R1: export
  - as CSV
  - must be quick

  Within a second.
- R2: import

### R3: Offline

The guide must work without a network.

#### On a boat

- and on a train
"""
    found = reading(text).requirements
    assert [(r.id, r.details) for r in found] == [
        ("R1", ("as CSV", "must be quick", "Within a second.")),
        ("R2", ()),
        ("R3", ("The guide must work without a network.", "and on a train")),
    ]


def test_a_bare_mark_takes_its_text_from_what_hangs_on_it() -> None:
    assert numbered("## R3\n\nThe guide works offline.\n") == {"R3": "The guide works offline."}


def test_section_and_line_are_kept() -> None:
    found = reading("# Guide\n\n## Features\n\ntext\n\n- R1: a\n- R2: b\n").requirements
    assert [(r.section, r.line) for r in found] == [(("Guide", "Features"), 7), (("Guide", "Features"), 8)]


def test_a_number_given_twice_names_both_lines() -> None:
    faults = reading("- R3: one\n- R4: two\n- R3: three\n- R4: four\n").faults
    assert [(fault.pointer, fault.code, fault.detail) for fault in faults] == [
        ("/document", "duplicate-number", "R3 is given twice: on line 1 and on line 3."),
        ("/document", "duplicate-number", "R4 is given twice: on line 2 and on line 4."),
    ]


def test_documents_that_ask_for_nothing_are_refused() -> None:
    assert [fault.code for fault in reading(" \n\n").faults] == ["empty-document"]
    assert [fault.code for fault in reading("# Only a title\n").faults] == ["no-requirements"]
    assert [fault.code for fault in reading("R1: one\n\nR5:\n").faults] == ["empty-requirement"]


def test_code_is_no_requirement_and_markup_is_gone() -> None:
    text = "## Needs\n\n- *quick* [search](https://example.org) with `grep`\n\n```\nIt must not be read.\n```\n"
    assert numbered(text) == {"R1": "quick search with grep"}


def test_a_byte_order_mark_and_windows_line_ends_change_nothing() -> None:
    assert numbered("\ufeff# Needs\r\n\r\n- R1: a\r\n- R2: b\r\n") == {"R1": "a", "R2": "b"}


def test_unmarked_requirements_keep_their_numbers_when_the_document_changes() -> None:
    before = reading("## Features\n- search\n- print\n- export\n").requirements
    after = number_again(before, reading("## Features\n- fold\n- Export.\n- search\n").requirements)
    assert {r.id: r.text for r in after} == {"R4": "fold", "R3": "Export.", "R1": "search"}


def test_a_removed_number_is_never_given_to_another_and_returns_with_its_text() -> None:
    first = reading("## Features\n- search\n- print\n").requirements
    second = number_again(first, reading("## Features\n- search\n").requirements)
    third = number_again([*first, *second], reading("## Features\n- search\n- fold\n- print\n").requirements)
    assert {r.id: r.text for r in third} == {"R1": "search", "R3": "fold", "R2": "print"}


def test_a_mark_wins_over_the_number_an_unmarked_requirement_had() -> None:
    before = reading("## Features\n- search\n- print\n").requirements
    after = number_again(before, reading("## Features\n- R1: fold\n- search\n- print\n").requirements)
    assert {r.id: r.text for r in after} == {"R1": "fold", "R3": "search", "R2": "print"}


texts = st.text(alphabet="ab must.R12:\n", max_size=12)
blocks = st.lists(
    st.builds(Block, st.sampled_from(["heading", "item", "paragraph"]), st.integers(1, 3), texts, st.integers(1, 9)),
    max_size=8,
)
lists_of_requirements = st.lists(
    st.builds(Requirement, st.integers(1, 9), st.sampled_from(["a", "A.", "b", "c", "d"]), marked=st.booleans()),
    max_size=6,
).map(lambda found: [r for n, r in enumerate(found) if not r.marked or r.number not in {x.number for x in found[:n]}])


@given(blocks)
def test_any_blocks_are_read_into_distinct_numbers_or_refused(document: list[Block]) -> None:
    found, faults = read(document)
    ids = [requirement.id for requirement in found]
    assert faults or (ids and len(set(ids)) == len(ids))


@given(st.text(max_size=200))
def test_any_text_is_read_the_same_way_twice(text: str) -> None:
    assert reading(text) == reading(text)


@given(lists_of_requirements, lists_of_requirements)
def test_numbers_are_distinct_and_old_ones_mean_what_they_meant(
    before: list[Requirement], new: list[Requirement]
) -> None:
    previous = number_again((), before)
    again = number_again(previous, new)
    assert len({r.number for r in again}) == len(new)
    said = {r.number: r.text.casefold().rstrip(".") for r in previous}
    for requirement in again:
        if not requirement.marked and requirement.number in said:
            assert requirement.text.casefold().rstrip(".") == said[requirement.number]
    assert number_again(again, again) == again
