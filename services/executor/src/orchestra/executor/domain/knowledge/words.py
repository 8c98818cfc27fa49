"""The words of a text, as they are kept for searching and as they are asked for: letters and digits, and nothing that
any query language would take for its own."""

import re
import unicodedata

LONGEST = 100
"""Characters of a word that count."""

_WORD = re.compile(r"[^\W_]+")

COMMON = frozenset(
    "a about after all also an and any are as at be been before but by can could did do does for from had has have how "
    "i if in into is it its may more most must no not of on one only or other our out over should so some such than "
    "that the their them then there these they this those to up us use used uses using was we were what when where "
    "which who why will with would you your".split()
)
"""They stand in every text, and would find every finding."""


def words_of(text: str) -> list[str]:
    """All of them, in their order, in small letters."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return [word[:LONGEST] for word in _WORD.findall(folded)]


def asked(text: str, most: int) -> list[str]:
    """The first of them, each once, without common ones unless there are no others."""
    every = list(dict.fromkeys(words_of(text)))
    return ([word for word in every if word not in COMMON] or every)[:most]
