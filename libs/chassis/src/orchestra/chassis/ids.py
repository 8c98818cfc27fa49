"""New ids: a prefix that names the thing and a time-ordered UUIDv7."""

from uuid6 import uuid7


def new_id(prefix: str) -> str:
    """`new_id("tsk")` is `tsk_` and 32 hexadecimal characters."""
    return f"{prefix}_{uuid7().hex}"
