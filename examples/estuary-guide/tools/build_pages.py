"""Builds the guide as plain HTML that works from a folder: build_pages.py

Reads pages/*.md, species.json, statistics.json, chart.svg, glossary.tsv and records.json; writes site/.
Of Markdown it knows what the pages use: headings, paragraphs, lists, links, pictures and emphasis.
"""

import json
import re
from html import escape
from itertools import groupby
from pathlib import Path
from shutil import copyfile
from typing import Any

SITE = Path("site")
NAVIGATION = {
    "index": "Start",
    "species": "Species",
    "habitats": "Habitats",
    "watching": "Watching",
    "glossary": "Words",
}


def main() -> None:
    SITE.mkdir()
    for source in sorted(Path("pages").glob("*.md")):
        write(source.stem, from_markdown(source.read_text(encoding="utf-8")))
    write("species", species_page(load("species.json"), load("statistics.json"), load("records.json")))
    write("glossary", glossary_page(Path("glossary.tsv").read_text(encoding="utf-8")))
    copyfile("chart.svg", SITE / "chart.svg")
    print(f"{len(list(SITE.glob('*.html')))} pages")


def load(name: str) -> Any:
    return json.loads(Path(name).read_text(encoding="utf-8"))


def write(name: str, body: str) -> None:
    links = " · ".join(f'<a href="{page}.html">{title}</a>' for page, title in NAVIGATION.items())
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    style = "<style>body{max-width:44rem;margin:auto;padding:1rem;font:1rem/1.5 sans-serif}img{max-width:100%}</style>"
    page = f'<!doctype html><html lang="en"><head>{head}<title>{NAVIGATION[name]}</title>{style}</head>'
    (SITE / f"{name}.html").write_text(f"{page}<body><nav>{links}</nav>\n{body}\n</body></html>\n", encoding="utf-8")


def species_page(species: list[dict[str, Any]], statistics: dict[str, Any], records: dict[str, Any]) -> str:
    parts = [
        "<h1>The species</h1>",
        f"<p>{records['counts']} counts on {records['visits']} visits, {records['first']} to {records['last']}.</p>",
    ]
    for habitat, rows in groupby(species, key=lambda row: row["habitat"]):
        parts.append(f'<h2><a href="habitats.html#{anchor(habitat)}">{escape(habitat.capitalize())}</a></h2>')
        for row in rows:
            parts.append(f'<h3 id="{row["id"]}">{escape(row["english"])}</h3>')
            names = f"<i>{escape(row['scientific'])}</i>, in Portuguese {escape(row['portuguese'])}"
            parts.append(f"<p>{names}. {row['length_cm']} cm. {seen(statistics.get(row['id']))}</p>")
    return "\n".join(parts)


def seen(row: dict[str, Any] | None) -> str:
    if row is None:
        return "Not seen this season."
    mean = f"{row['mean']} a visit ({row['low']} to {row['high']})"
    return f"{row['total']:,} counted, {mean}; most in {row['month']} and at the {escape(row['hide'])}."


def glossary_page(text: str) -> str:
    entries = (line.split("\t") for line in text.splitlines())
    terms = "\n".join(f"<dt>{escape(term)}</dt><dd>{escape(meaning)}</dd>" for term, meaning in entries)
    return f"<h1>The words</h1>\n<dl>\n{terms}\n</dl>"


def from_markdown(text: str) -> str:
    return "\n".join(block(part) for part in re.split(r"\n\s*\n", text.strip()))


def block(text: str) -> str:
    if match := re.fullmatch(r"(#+) (.+)", text):
        level, title = len(match[1]), match[2]
        return f'<h{level} id="{anchor(title)}">{inline(title)}</h{level}>'
    if text.startswith("- "):
        items = "".join(f"<li>{inline(item)}</li>" for item in re.split(r"\n?^- ", text, flags=re.MULTILINE)[1:])
        return f"<ul>{items}</ul>"
    return f"<p>{inline(text)}</p>"


def inline(text: str) -> str:
    text = escape(text, quote=False)
    text = re.sub(r"!\[([^]]*)\]\(([^)\s]+)\)", r'<img alt="\1" src="\2">', text)
    text = re.sub(r"\[([^]]+)\]\(([^)\s]+)\)", r'<a href="\2">\1</a>', text)
    return re.sub(r"\*([^*]+)\*", r"<em>\1</em>", text)


def anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


if __name__ == "__main__":
    main()
