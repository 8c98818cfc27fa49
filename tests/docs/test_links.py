"""Every relative link of a document leads to something that is there."""

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.architecture.tree import ROOT, files

LINK = re.compile(r"\[[^\]]*\]\(<?([^)>\s]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|#|/")
"""An address with a scheme, a place on the same page, a path from the root: none is relative to the page."""

BUILT = ROOT / "examples" / "estuary-guide" / "pages"
"""Sources of pages that lead to each other by the names they have once they are built: the example checks those."""

DOCUMENTS = [path for path in files() if path.suffix == ".md" and path.parent != BUILT]


def prose(text: str) -> str:
    """The text without code, in which brackets mean something else."""
    return re.sub(r"^(```|~~~).*?^\1|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)


def links(text: str) -> list[str]:
    found = [inline or defined for inline, defined in LINK.findall(prose(text))]
    return [unquote(link.partition("#")[0]) for link in found if not ELSEWHERE.match(link)]


def broken(page: Path, text: str) -> list[str]:
    return [link for link in links(text) if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert broken(page, page.read_text()) == []


BROKEN = ("see [there](no.md)", "[![badge](no.svg)](x)", "[a]: no.md", "[x](no.md#part)", "[x](<no.md>)")
SOUND = ("[self](test_links.py#top)", "[x](https://example.org)", "[here](#below)", "`[1](2)`", "```\n[1](2)\n```")


@pytest.mark.parametrize("text", BROKEN)
def test_a_link_to_nothing_is_found(text: str) -> None:
    assert broken(Path(__file__), text)


@pytest.mark.parametrize("text", SOUND)
def test_what_is_no_broken_link_is_left_alone(text: str) -> None:
    assert broken(Path(__file__), text) == []
