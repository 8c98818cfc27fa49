"""The page on dependencies shows the cases that the tests go through."""

from pathlib import Path

from tests.dependency_cases import table

PAGE = Path(__file__).parents[2] / "docs/reference/dependencies.md"


def test_the_page_shows_the_cases() -> None:
    assert table() in PAGE.read_text(), f"the table of {PAGE.name} must be:\n{table()}"
