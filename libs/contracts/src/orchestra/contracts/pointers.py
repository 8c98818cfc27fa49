"""JSON Pointers (RFC 6901): where in a document something is."""

from collections.abc import Iterable


def json_pointer(steps: Iterable[object]) -> str:
    """Keys and indexes from the outside in; of the whole document it is empty."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
