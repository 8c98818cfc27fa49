"""How requirements look in prose: the author's marks, words that oblige, headings that announce, sentences."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from unicodedata import normalize

_NUMBER = r"R0*([1-9]\d{0,5})"
_MARK = re.compile(
    r"(?:\[[ xX]\]\s+)?"  # a check box may come before the mark
    rf"(?:\*\*)?(?:\[{_NUMBER}\]|\({_NUMBER}\)|{_NUMBER}(?=\*\*|[:)]|\.(?!\d)|\s*\||\s*$|\s+[-\u2013\u2014]\s))"
    r"(?:\*\*)?\s*(?:[:.)|]|[-\u2013\u2014](?=\s))?\s*(?:\*\*)?\s*"
)
_OBLIGES = re.compile(r"\b(?:must(?:n['\u2019]t)?|shall|should(?:n['\u2019]t)?|will|needs?\s+to)\b", re.IGNORECASE)
_ANNOUNCES = re.compile(
    r"requirement|acceptance|feature|user stor|deliverable|constraint|goal|objective|functional|quality"
    r"|\b(?:must|shall|should|needs?)\b",
    re.IGNORECASE,
)
_EXCLUDES = re.compile(
    r"out of scope|not in scope|non-?\s?goals?\b|not required|not included|won['\u2019]t|will not|open questions?",
    re.IGNORECASE,
)
_WIDE_STOPS = "\u3002\uff01\uff1f"  # no space follows these
_STOPS = ".!?\u2026" + _WIDE_STOPS
_BREAK = re.compile(rf"(?<=[{_STOPS}])[\"'\u201d\u2019)\]*]*\s+|(?<=[{_WIDE_STOPS}])|\n")
MAX_LINE = 200
"""Characters of a heading or title."""
_ABBREVIATION = re.compile(r"(?:^|[\s(])(?:e\.g|i\.e|etc|cf|vs|approx|dr|mr|mrs|ms)\.$", re.IGNORECASE)


class Marked(NamedTuple):
    number: int | None
    text: str


class Sentence(NamedTuple):
    text: str
    line: int
    """Counted from the first line of the text that it stands in, which is 0."""


def read_mark(text: str) -> Marked:
    """The number that the author gave at the very start (`R12:`, `R12.`, `[R12]`, `**R12**`), and what follows it."""
    match = _MARK.match(text)
    if match is None:
        return Marked(None, text)
    return Marked(int(next(filter(None, match.groups()))), text[match.end() :])


def obliges(text: str) -> bool:
    """Whether the text says that something must be so. A question asks and obliges nobody."""
    return bool(_OBLIGES.search(text)) and not text.endswith("?")


def announces(heading: str) -> bool:
    """Whether the items under this heading are requirements."""
    return bool(_ANNOUNCES.search(heading))


def excludes(heading: str) -> bool:
    """Whether what stands under this heading is named in order not to be done."""
    return bool(_EXCLUDES.search(heading))


def one_line(text: str) -> str:
    """The text as one line in NFC, without marks of bold type."""
    return normalize("NFC", " ".join(text.replace("**", "").split()))


def sameness(text: str) -> str:
    """Equal for two texts that differ only in letter case, spacing and the full stop at the end."""
    return normalize("NFC", one_line(text).casefold()).rstrip(" .;")


def shorten(text: str) -> str:
    return text if len(text) <= MAX_LINE else text[: MAX_LINE - 1].rstrip() + "…"


def sentences(text: str, *, by_line: bool) -> Iterator[Sentence]:
    """The sentences of `text`, each as one line.

    With `by_line` a line break ends a sentence too, unless the next line goes on in lower case.
    """
    start = line = 0
    for end, resume in [*((match.start(), match.end()) for match in _BREAK.finditer(text)), (len(text), len(text))]:
        if end < len(text) and not _is_end(text, start, end, resume, by_line=by_line):
            continue
        begin = resume - len(text[start:resume].lstrip())
        line += text.count("\n", start, begin)
        if found := one_line(text[start:end]):
            yield Sentence(found, line)
        line += text.count("\n", begin, resume)
        start = resume


def _is_end(text: str, start: int, end: int, resume: int, *, by_line: bool) -> bool:
    if text[resume : resume + 1].islower() or _ABBREVIATION.search(text, max(0, end - 10), end):
        return False
    return by_line or end == start or text[end - 1] in _STOPS
