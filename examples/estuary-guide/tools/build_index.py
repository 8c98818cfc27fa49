"""Makes the search index, from each word to the pages that have it: build_index.py SITE RESULT"""

import json
import re
import sys
import unicodedata
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path

SHORTEST = 3
HIDDEN = {"head", "nav"}


class Text(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: set[str] = set()
        self.hidden = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden |= tag in HIDDEN

    def handle_endtag(self, tag: str) -> None:
        self.hidden &= tag not in HIDDEN

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.words.update(word for word in re.findall(r"[^\W\d_]+", plain(data)) if len(word) >= SHORTEST)


def plain(text: str) -> str:
    """In small letters without accents, so that `garca` finds `Garça`."""
    letters = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def main(site: Path, result_file: Path) -> None:
    index: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(site.glob("*.html")):
        for word in sorted(Text(path.read_text(encoding="utf-8")).words):
            index[word].append(path.name)
    result_file.write_text(json.dumps(index, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    print(f"{len(index)} words")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
