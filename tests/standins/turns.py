"""What a model says next: scripted turns, and the tokens that they cost.

A token of the stand-in is four bytes, rounded up, so that everybody can count what a request must have cost.
"""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Tokens:
    """`input` counts what is new and uncached; what was read from a cache or written to it is counted beside it."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True)
class ToolUse:
    name: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Turn:
    text: str = ""
    tools: tuple[ToolUse, ...] = ()
    tokens: Tokens | None = None
    """None: counted from the request and the answer."""
    status: int = 200
    retry_after: float | None = None
    cut_after: int | None = None
    """Pieces of the answer after which the connection ends. Of an answer that is no stream: bytes."""
    stall_after: int | None = None
    """The same, and then silence until the client goes away."""
    holds: tuple[str, ...] = ()
    """Only for requests whose body holds all of these, as JSON has them; others are taken by whoever comes first."""
    again: bool = False
    """Said as often as it is asked for."""

    @classmethod
    def of(cls, written: dict[str, Any]) -> "Turn":
        """From JSON, for scripts of other processes."""
        tools = tuple(ToolUse(**tool) for tool in written.get("tools", ()))
        tokens = Tokens(**written["tokens"]) if written.get("tokens") else None
        return cls(**{**written, "tools": tools, "tokens": tokens, "holds": tuple(written.get("holds", ()))})


def says(text: str, tokens: Tokens | None = None, **more: Any) -> Turn:
    return Turn(text=text, tokens=tokens, **more)


def calls_tool(name: str, tokens: Tokens | None = None, text: str = "", **arguments: Any) -> Turn:
    return Turn(text=text, tools=(ToolUse(name, arguments),), tokens=tokens)


def refuses(status: int, retry_after: float | None = None) -> Turn:
    return Turn(status=status, retry_after=retry_after)


def overloaded() -> Turn:
    return Turn(status=529)


def cuts(text: str, after: int) -> Turn:
    return Turn(text=text, cut_after=after)


def stalls(text: str = "never said", after: int = 0) -> Turn:
    return Turn(text=text, stall_after=after)


def huge(size: int = 10_000_000) -> Turn:
    return Turn(text="x" * size, tokens=Tokens(1, 1))


def count(text: str) -> int:
    return -(-len(text.encode()) // 4)


def tokens_of(turn: Turn, body: dict[str, Any], most: int) -> Tokens:
    """What the turn costs. An answer to this request has at most `most` tokens."""
    if turn.tokens is not None:
        return turn.tokens
    asked = {name: body[name] for name in ("system", "messages", "tools") if name in body}
    said = turn.text + "".join(tool.name + json.dumps(tool.arguments) for tool in turn.tools)
    return Tokens(count(json.dumps(asked)), min(count(said), most))


def pieces(text: str, size: int = 16) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]
