"""The table of events in docs/reference/events.md: `python -m tools.event_table` writes it, `--check` only compares."""

from collections.abc import Iterator

from tools.generated import ROOT, Generated, between, main

from orchestra.contracts.catalog import CATALOG, Entry
from orchestra.contracts.event import Event, PartedEvent

PAGE = ROOT / "docs" / "reference" / "events.md"
BEGIN, END = "<!-- the catalog, by `make docs` -->\n", "<!-- end of the catalog -->"
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
    return between(page, BEGIN, END, table())


def generated() -> Generated:
    return Generated({PAGE: with_table(PAGE.read_text())})


if __name__ == "__main__":
    main(generated())
