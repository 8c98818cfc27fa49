"""Tools that a server says it has: which of them a task is given, under which names, and what each may do."""

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from orchestra.executor.domain.agents.calls import ToolSpec
from orchestra.executor.domain.agents.schemas import BadSchema, plain_schema
from orchestra.executor.domain.agents.texts import plain

MCP = "mcp:"
MOST_TOOLS = 64
"""Of one server."""
MOST_DESCRIPTION = 1_000
MOST_NAME = 64
_DIGITS = 8
_ODD = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True)
class Described:
    """A tool in a server's own words: none of them is believed, but for what it says about its effect."""

    name: str
    description: str
    schema: object
    read_only: bool = False
    idempotent: bool = False


@dataclass(frozen=True)
class ServerTool:
    server: str
    tool: str
    """As the server calls it."""
    spec: ToolSpec


def wanted_of(names: Sequence[str]) -> dict[str, frozenset[str] | None]:
    """The servers among the names of tools, and which of their tools; None: all of them."""
    found: dict[str, frozenset[str] | None] = {}
    for name in names:
        if not name.startswith(MCP):
            continue
        server, slash, tool = name.removeprefix(MCP).partition("/")
        before = found.get(server, frozenset())
        found[server] = None if not slash or before is None else before | {tool}
    return found


def known_as(server: str, tool: str) -> str:
    return f"{MCP}{server}/{tool}"


def name_for_model(server: str, tool: str) -> str:
    """`mcp__server__tool`, of letters that every provider takes, at most 64 of them.

    Where that is not what was written, a few digits of a hash of it stand at the end, so that `a.b` and `a_b` are two.
    """
    written = f"mcp__{server}__{tool}"
    plainly = _ODD.sub("_", written)
    if plainly == written and len(written) <= MOST_NAME and "__" not in server and "__" not in tool:
        return written
    digits = hashlib.sha256(known_as(server, tool).encode(errors="surrogatepass")).hexdigest()[:_DIGITS]
    return f"{plainly[: MOST_NAME - _DIGITS - 1]}_{digits}"


def offer(
    server: str, described: Sequence[Described], wanted: Collection[str] | None
) -> tuple[list[ServerTool], list[str]]:
    """The tools that a task is given, by name, and in words what was left out."""
    asked = [each for each in described if wanted is None or each.name in wanted]
    found: dict[str, ServerTool] = {}
    left_out: list[str] = []
    for each in sorted(asked, key=lambda each: each.name):
        name = name_for_model(server, each.name)
        if name in found:
            left_out.append(f"{_shown(each)}: another tool is called so")
        elif len(found) == MOST_TOOLS:
            left_out.append(f"{_shown(each)}: a server offers at most {MOST_TOOLS} tools")
        else:
            try:
                found[name] = ServerTool(server, each.name, _spec(server, name, each))
            except BadSchema as bad:
                left_out.append(f"{_shown(each)}: {bad}")
    return list(found.values()), left_out


def _spec(server: str, name: str, described: Described) -> ToolSpec:
    about = plain(described.description, MOST_DESCRIPTION) or "It does not say what it does."
    return ToolSpec(
        name,
        f"A tool of the server {server}, which says: {about}",
        plain_schema(described.schema),
        "none" if described.read_only else "outside",
        repeatable=described.read_only or described.idempotent,
        known_as=known_as(server, described.name),
    )


def _shown(described: Described) -> str:
    return ascii(described.name[:80])
