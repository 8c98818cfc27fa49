"""The table of events in docs/reference/events.md: `python -m tools.event_table` writes it, `--check` only compares."""

import sys
from collections.abc import Iterator
from pathlib import Path

from orchestra.contracts.catalog import CATALOG, Entry
from orchestra.contracts.event import Event, PartedEvent

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "events.md"
BEGIN, END = "<!-- the catalog, by `make schemas` -->\n", "<!-- end of the catalog -->"
EVERYWHERE = {*Event.model_fields, *PartedEvent.model_fields}
"""Fields that the page names once, above the table."""


def table() -> str:
    """The catalog as a table in Markdown, in the catalog's order."""
    head = "| Event | Kind | Published by | Consumed by | Subject | Travels | Says |\n|---|---|---|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(_cells(entry))} |\n" for entry in CATALOG)


def _cells(entry: Entry) -> Iterator[str]:
    event = entry.event
    yield event.__name__
    yield f"[`{event.kind}`](../../libs/contracts/schemas/{event.kind}.json)"
    yield entry.publisher
    yield ", ".join(entry.consumers)
    yield f"`{event.subject_field}`"
    yield "packed" if event.packed else "in parts" if issubclass(event, PartedEvent) else "alone"
    yield ", ".join(f"`{name}`" for name in event.model_fields if name not in {*EVERYWHERE, event.subject_field})


def with_table(page: str) -> str:
    """The page with the table of now between its two marks. Raises ValueError where a mark is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} lacks a mark of the table")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    page = PAGE.read_text()
    current = with_table(page)
    if arguments != ["--check"]:
        PAGE.write_text(current)
        return 0
    if page != current:
        print(f"the table in {PAGE.name} is stale, run `make schemas`")
    return int(page != current)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
