"""A finding: one thing that is known of a project, in one line, and when two of them are the same."""

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from orchestra.contracts.ids import Sha256
from orchestra.executor.domain.knowledge.errors import BadFinding

FindingKind = Literal["constraint", "decision", "discovery", "reference", "gotcha"]
"""What must hold; what was chosen; what was found out; where something stands; what goes wrong unless one knows it."""

KINDS: tuple[FindingKind, ...] = get_args(FindingKind)
_KNOWN: Mapping[str, FindingKind] = {kind: kind for kind in KINDS}

MOST_CHARACTERS = 1000

_UNSEEN = frozenset({"Cc", "Cf", "Cs"})
"""Unicode's categories of what no reader sees, and a model would: controls, formats, halves of characters."""
_JOINERS = "\u200c\u200d"
"""Formats that scripts are written with."""
_ENDS = " .,;:!?。、"
"""What may end a sentence or not, without its saying anything else."""


@dataclass(frozen=True)
class Finding:
    kind: FindingKind
    text: str
    """One line, without what nobody sees."""

    @property
    def digest(self) -> Sha256:
        """The same for what differs in nothing but case, space and how it ends, whatever its kind."""
        return hashlib.sha256(_told(self.text).encode()).hexdigest()


def finding(kind: str, text: str) -> Finding:
    """Raises BadFinding."""
    known = _KNOWN.get(kind)
    if known is None:
        raise BadFinding(f"its kind is one of {', '.join(KINDS)}")
    line = one_line(text)
    if not _told(line):
        raise BadFinding("it says nothing")
    if len(line) > MOST_CHARACTERS:
        raise BadFinding(f"it has {len(line)} characters, at most {MOST_CHARACTERS} are kept")
    return Finding(known, line)


def one_line(text: str) -> str:
    """The text with single spaces, and without what no reader sees."""
    return " ".join("".join(each for each in text if _is_seen(each)).split())


def _is_seen(character: str) -> bool:
    return character.isspace() or character in _JOINERS or unicodedata.category(character) not in _UNSEEN


def _told(line: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", line).casefold())
    return " ".join(folded.split()).rstrip(_ENDS)
