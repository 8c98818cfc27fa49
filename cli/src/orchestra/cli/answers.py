"""What a command answers: JSON for programs, a table for people."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from orchestra.cli.exits import Exit
from orchestra.cli.screen import Screen

Item = dict[str, Any]


def print_json(value: Any) -> Exit:
    print(json.dumps(value, indent=2))
    return Exit.OK


def print_list(
    found: Sequence[Item], head: Sequence[str], row: Callable[[Item], Sequence[str]], *, as_json: bool, none: str = ""
) -> Exit:
    """What was found, a line each; `none` is said beside the data where there is nothing."""
    if as_json:
        return print_json(found)
    if none and not found:
        Screen().note(none)
    else:
        Screen().table(head, map(row, found))
    return Exit.OK
