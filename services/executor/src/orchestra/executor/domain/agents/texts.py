"""Texts that others wrote, bounded for a model that reads them."""

MOST = 20_000
"""Characters of what a tool brings."""
_TOLD = 100
"""Room for a sentence on what was cut."""


def cut(text: str, most: int = MOST) -> str:
    """At most so many characters; where there were more, the end says how many."""
    if len(text) <= most:
        return text
    kept = max(0, most - _TOLD)
    return f"{text[:kept]}\n({len(text) - kept} characters more were cut off.)"[:most]


def plain(text: str, most: int) -> str:
    """One line without control characters and halves of characters, at most so long."""
    shown = "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else " " for c in text[: 4 * most])
    line = " ".join(shown.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def without(text: str, secrets: tuple[str, ...]) -> str:
    """What was sent as a secret never comes back."""
    for secret in secrets:
        text = text.replace(secret, "[…]")
    return text
