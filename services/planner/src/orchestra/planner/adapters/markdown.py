"""Reads a requirements document with markdown-it. Plain text is read the same way: it is Markdown without markup."""

from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from orchestra.planner.domain.document import Block

# `[R1]: quick` is a requirement here, not a link reference; an indented line of plain text is not code.
_PARSER = MarkdownIt("commonmark").enable("table").disable(["reference", "code"])
_LISTS = {"bullet_list_open", "bullet_list_close", "ordered_list_open", "ordered_list_close"}
_SHOWN = {"softbreak": "\n", "hardbreak": "\n", "strong_open": "**", "strong_close": "**", "html_inline": ""}


def read_blocks(text: str) -> Iterator[Block]:
    """The headings, list items, table rows and paragraphs of a document, in its order.

    A table row is an item, its cells parted by ` | `. Code, HTML and the head of a table are left out.
    Takes about a second for a megabyte, ten for one made to be slow: not for the event loop.
    """
    depth = 0
    begins_item = False
    opened, line = "", 0
    cells: list[str] = []
    for token in _PARSER.parse(text.removeprefix("\ufeff")):
        line = token.map[0] + 1 if token.map else line
        if token.type in _LISTS:
            depth += token.nesting
        elif token.type in ("list_item_open", "list_item_close"):
            begins_item = token.nesting > 0
        elif token.type == "tr_open":
            cells = []
        elif token.type == "tr_close" and cells:
            yield Block("item", depth + 1, " | ".join(cells), line)
        elif token.type == "inline" and opened == "td":
            cells.append(_plain(token.children or ()))
        elif token.type == "inline" and opened in ("h1", "h2", "h3", "h4", "h5", "h6"):
            yield Block("heading", int(opened[1]), _plain(token.children or ()), line)
        elif token.type == "inline" and opened == "p":
            yield Block("item" if begins_item else "paragraph", depth, _plain(token.children or ()), line)
            begins_item = False
        elif token.nesting > 0:
            opened = token.tag


def _plain(children: Sequence[Token]) -> str:
    return "".join(_SHOWN.get(child.type, child.content) for child in children)
