"""The table in docs/reference/events.md is the catalog."""

import re

import pytest
from tools.event_table import BEGIN, PAGE, table, with_table

from orchestra.contracts.catalog import CATALOG


def test_the_table_of_the_page_is_the_catalog() -> None:
    page = PAGE.read_text()

    assert page == with_table(page), "run `make docs`"


def test_the_table_has_a_row_for_every_entry_with_who_says_it_and_who_hears_it() -> None:
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table().splitlines()[2:]]

    assert [(row[0], re.findall(r"`(.+)`", row[1])[0], row[2], row[3]) for row in rows] == [
        (e.event.__name__, e.event.kind, e.publisher, ", ".join(e.consumers)) for e in CATALOG
    ]


def test_a_stale_table_is_found_and_mended() -> None:
    page = PAGE.read_text()
    stale = page.replace("| PlanRequested |", "| PlanWished |", 1)

    assert stale != page
    assert with_table(stale) == page


def test_a_page_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="mark"):
        with_table(PAGE.read_text().replace(BEGIN, ""))
