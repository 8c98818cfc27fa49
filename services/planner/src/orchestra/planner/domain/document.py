"""A requirements document as flat blocks, and these as pieces that know their mark and their headings."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from orchestra.planner.domain.prose import announces, excludes, one_line, read_mark, shorten


class Block(NamedTuple):
    """A piece of a document. Bold text keeps its `**`, because authors mark in bold; other markup is gone."""

    kind: Literal["heading", "item", "paragraph"]
    level: int
    """1 to 6 of a heading; else how many lists it stands in."""
    text: str
    line: int
    """1 for the first line of the document."""


class Place(NamedTuple):
    section: tuple[str, ...]
    """The headings above, outermost first."""
    announced: bool
    """Whether a heading above speaks of requirements; the title only for what stands directly beneath it."""
    excluded: bool
    """Whether a heading above says that this is not to be done."""


class Piece(NamedTuple):
    block: Block
    text: str
    """Without the mark."""
    mark: int | None
    place: Place

    def owns(self, other: "Piece") -> bool:
        """Whether `other`, which stands below, is a detail of this one."""
        kind, level = other.block.kind, other.block.level
        if other.mark is not None or self.block.kind == "paragraph":
            return False
        if self.block.kind == "heading":
            return kind != "heading" or level > self.block.level
        return (kind == "item" and level > self.block.level) or (kind == "paragraph" and level >= self.block.level)


def pieces(blocks: Iterable[Block]) -> Iterator[Piece]:
    """The blocks in their order, cut before each line that begins with a mark."""
    above: list[Block] = []
    place = _place(above)
    for block in blocks:
        if block.kind == "heading":
            above = [heading for heading in above if heading.level < block.level]
            place = _place(above)
        for text, line in _cut(block):
            number, rest = read_mark(text)
            yield Piece(block._replace(line=line), rest, number, place)
        if block.kind == "heading":
            above.append(block)
            place = _place(above)


def _place(above: Sequence[Block]) -> Place:
    section = tuple(shorten(one_line(heading.text)) for heading in above)
    has_title = len(above) > 1 and above[0].level == 1
    return Place(section, any(map(announces, section[has_title:])), any(map(excludes, section)))


def _cut(block: Block) -> Iterator[tuple[str, int]]:
    lines = block.text.split("\n")
    starts = [0, *(at for at in range(1, len(lines)) if read_mark(lines[at]).number is not None), len(lines)]
    for start, end in pairwise(starts):
        if text := "\n".join(lines[start:end]).strip():
            yield text, block.line + start
