"""A document becomes numbered requirements. Its text is data: nothing in it ever becomes a command.

What is a requirement:
1. A list item, paragraph, line or heading that begins with the author's mark (`R12:`, `R12.`, `[R12]`, `**R12**`).
   It keeps that number in every version.
2. A list item under a heading that speaks of requirements (features, goals, constraints, acceptance …), and an item
   or a sentence that says must, shall, should, will or needs to. The document's title speaks only for what stands
   directly beneath it, and nothing under "Out of scope" and the like counts.
3. Where the two find nothing, each list item. Where there is none, and in a document without any structure (no
   heading, item or mark), each sentence and each line.

What hangs on a requirement (nested items, further paragraphs of an item, the section beneath a marked heading) is
its detail, and no requirement of its own unless it is marked. Requirements without a mark are numbered in document
order, after the highest number in use, so that a number which the author dropped does not come back.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Literal, NamedTuple

from orchestra.contracts.planning import Fault
from orchestra.planner.domain.document import Block, Piece, pieces
from orchestra.planner.domain.prose import obliges, one_line, sameness, sentences

_Rule = Literal["stated", "item", "any"]


@dataclass(frozen=True)
class Requirement:
    number: int
    text: str
    section: tuple[str, ...] = ()
    """The headings above it, outermost first."""
    line: int = 0
    details: tuple[str, ...] = ()
    marked: bool = False
    """Whether the number is the author's."""

    @property
    def id(self) -> str:
        return f"R{self.number}"


class Reading(NamedTuple):
    requirements: tuple[Requirement, ...]
    faults: tuple[Fault, ...]


def read(blocks: Iterable[Block]) -> Reading:
    """The requirements of a document in its order, and what is wrong with it; the rules are in this module's text."""
    document = tuple(pieces(blocks))
    if not document:
        return Reading((), (_fault("empty-document", "The document is empty."),))
    structured = any(piece.mark is not None or piece.block.kind != "paragraph" for piece in document)
    rules: tuple[_Rule, ...] = ("stated", "item", "any") if structured else ("any",)
    for rule in rules:
        if found := tuple(_collect(document, rule, by_line=not structured)):
            return Reading(number_again((), found), tuple(_check(found)))
    return Reading((), (_fault("no-requirements", "The document asks for nothing: it has no item and no sentence."),))


def number_again(previous: Sequence[Requirement], new: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """The requirements of a new version, those without a mark under the number that they had before.

    A requirement is the same as before if it says the same. `previous` holds every requirement that the project ever
    had, the latest wording of a number last: its numbers are never given to others.
    """
    new = tuple(new)
    wording = {old.number: sameness(old.text) for old in previous}
    known: dict[str, list[int]] = {}
    for number, text in wording.items():
        known.setdefault(text, []).append(number)
    candidates = {text: iter(numbers) for text, numbers in known.items()}
    taken = {requirement.number for requirement in new if requirement.marked}
    fresh = count(max(chain(wording, taken), default=0) + 1)
    numbered: list[Requirement] = []
    for requirement in new:
        if not requirement.marked:
            kept = (number for number in candidates.get(sameness(requirement.text), ()) if number not in taken)
            requirement = replace(requirement, number=next(kept, None) or next(fresh))
        numbered.append(requirement)
    return tuple(numbered)


def _collect(document: Iterable[Piece], rule: _Rule, *, by_line: bool) -> Iterator[Requirement]:
    found: list[tuple[Requirement, list[str]]] = []
    owner: Piece | None = None
    for piece in document:
        if owner and owner.owns(piece):
            if piece.block.kind != "heading":
                found[-1][1].append(one_line(piece.text))
            continue
        is_item = piece.block.kind == "item"
        owner = piece if piece.mark is not None or (is_item and _counts(rule, piece, piece.text)) else None
        if owner:
            found.append((_requirement(piece, piece.text), []))
        elif piece.block.kind == "paragraph":
            found.extend(
                (_requirement(piece, sentence.text, sentence.line), [])
                for sentence in sentences(piece.text, by_line=by_line)
                if _counts(rule, piece, sentence.text)
            )
    for requirement, details in found:
        text, *rest = [requirement.text, *details] if requirement.text else details or [""]
        yield replace(requirement, text=text, details=tuple(rest))


def _counts(rule: _Rule, piece: Piece, text: str) -> bool:
    is_item = piece.block.kind == "item"
    if piece.place.excluded:
        return False
    if rule == "stated":
        return obliges(text) or (is_item and piece.place.announced)
    return is_item or rule == "any"


def _requirement(piece: Piece, text: str, line: int = 0) -> Requirement:
    return Requirement(
        number=piece.mark or 0,
        text=one_line(text),
        section=piece.place.section,
        line=piece.block.line + line,
        marked=piece.mark is not None,
    )


def _check(found: Iterable[Requirement]) -> Iterator[Fault]:
    first: dict[int, Requirement] = {}
    for requirement in found:
        if not requirement.text:
            yield _fault("empty-requirement", f"{requirement.id} on line {requirement.line} says nothing.")
        if requirement.marked and first.setdefault(requirement.number, requirement) is not requirement:
            lines = f"on line {first[requirement.number].line} and on line {requirement.line}"
            yield _fault("duplicate-number", f"{requirement.id} is given twice: {lines}.")


def _fault(code: str, detail: str) -> Fault:
    return Fault(pointer="/document", code=code, detail=detail)
