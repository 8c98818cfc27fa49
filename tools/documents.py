"""Every document that is made from code: `python -m tools.documents` writes them, `--check` only compares."""

from tools import asyncapi, commands, demonstration, event_table, metrics_table, openapi, readmes, schemas
from tools.generated import Generated, main

SOURCES = (schemas, event_table, asyncapi, openapi, readmes, commands, metrics_table, demonstration)


def generated() -> Generated:
    each = [source.generated() for source in SOURCES]
    return Generated(
        {path: text for made in each for path, text in made.files.items()},
        tuple(folder for made in each for folder in made.owned),
    )


if __name__ == "__main__":
    main(generated())
