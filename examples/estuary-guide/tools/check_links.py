"""Follows every link and picture within the guide: check_links.py SITE REPORT

Whatever leads nowhere is printed, and this ends with 1. The report lists each link once.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if anchor := attributes.get("id"):
            self.anchors.add(anchor)
        if link := attributes.get("href" if tag == "a" else "src"):
            self.links.append(link)


def main(site: Path, report_file: Path) -> None:
    pages = {path.name: Page(path.read_text(encoding="utf-8")) for path in sorted(site.glob("*.html"))}
    links = sorted({(name, link) for name, page in pages.items() for link in page.links})
    broken = [f"{name}: {link} leads nowhere" for name, link in links if not leads_somewhere(site, pages, name, link)]
    if broken:
        raise SystemExit("\n".join(broken))
    report_file.write_text("".join(f"{name}\t{link}\n" for name, link in links), encoding="utf-8")
    print(f"{len(links)} links on {len(pages)} pages, none leads nowhere")


def leads_somewhere(site: Path, pages: dict[str, Page], here: str, link: str) -> bool:
    target, anchor = urldefrag(link)
    target = target or here
    if target in pages:
        return not anchor or anchor in pages[target].anchors
    return (site / target).is_file() and not anchor


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
