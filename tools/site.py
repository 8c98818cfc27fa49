"""A hook of mkdocs: pages that lie beside the code join the site, links to code become names, sections get their order.

A document links to what it means as it lies in the repository, so that it reads well there, too.
"""

import re
from pathlib import Path
from posixpath import normpath, relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]

MEMBERS = [f"{kind}/{path.name}" for kind in ("libs", "services") for path in sorted((ROOT / kind).iterdir())]
JOINED = {
    "README.md": "readme.md",
    "ARCHITECTURE.md": "explanation/architecture.md",
    "SECURITY.md": "explanation/security.md",
    "CONTRIBUTING.md": "explanation/contributing.md",
    "CHANGELOG.md": "reference/changelog.md",
    "bench/README.md": "explanation/performance.md",
    **{f"{member}/README.md": f"reference/members/{member.rpartition('/')[2]}.md" for member in MEMBERS},
    **{f"{member}/README.md": f"reference/members/{member}.md" for member in ("cli", "embedded")},
}
"""Pages outside docs/, and where they stand in the site."""

SECTIONS = {
    "Tutorial": "tutorial",
    "How to": "how-to",
    "Reference": "reference",
    "Explanation": "explanation",
    "Runbooks": "runbooks",
    "Decisions": "adr",
}

LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|#|/")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for source, place in JOINED.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    return files


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    docs = ROOT / "docs"
    places = sorted([*(p.relative_to(docs).as_posix() for p in docs.rglob("*.md")), *JOINED.values()])
    nav: list[Any] = [{"Orchestra": "index.md"}, "readme.md"]
    for title, folder in SECTIONS.items():
        inside = [place for place in places if place.startswith(f"{folder}/")]
        if inside:
            nav.append({title: sorted(inside, key=lambda place: (not place.endswith("/README.md"), place))})
    config.nav = nav
    return config


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    place = page.file.src_uri
    source = next((path for path, at in JOINED.items() if at == place), f"docs/{place}")
    return LINK.sub(lambda link: _rewritten(link, source, place), markdown)


def _rewritten(link: re.Match[str], source: str, place: str) -> str:
    picture, text, target = link.groups()
    path, mark, anchor = target.partition("#")
    if ELSEWHERE.match(target) or not path:
        return link[0]
    there = normpath(f"{source.rpartition('/')[0] or '.'}/{path}")
    if (ROOT / there / "README.md").exists():
        there += "/README.md"
    if there in JOINED:
        at = JOINED[there]
    elif there.startswith("docs/"):
        at = there.removeprefix("docs/")
    else:
        return text  # code: it has no page
    return f"{picture}[{text}]({relpath(at, place.rpartition('/')[0] or '.')}{mark}{anchor})"
