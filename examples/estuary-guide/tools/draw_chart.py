"""Draws the mean of each species with its interval as SVG: draw_chart.py STATISTICS SPECIES RESULT

The scale is logarithmic, because one kingfisher and 400 dunlins share the picture.
"""

import json
import sys
from html import escape
from math import floor, log10
from pathlib import Path
from typing import Any

WIDTH, LEFT, RIGHT, ROW, TOP = 720, 190, 30, 22, 40


def main(statistics_file: Path, species_file: Path, result_file: Path) -> None:
    statistics: dict[str, dict[str, Any]] = json.loads(statistics_file.read_text(encoding="utf-8"))
    names = {row["id"]: row["english"] for row in json.loads(species_file.read_text(encoding="utf-8"))}
    rows = sorted(statistics.items(), key=lambda item: -item[1]["mean"])
    most = 10 ** (floor(log10(max(row["high"] for _, row in rows))) + 1)

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * log10(max(value, 1)) / log10(most)

    height = TOP + ROW * len(rows) + 10
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"',
        ' font-family="sans-serif" font-size="12">',
        "<title>Mean count of each species on a visit, with its 95 % interval</title>",
    ]
    for tick in (10**n for n in range(round(log10(most)) + 1)):
        lines.append(f'<line x1="{x(tick):.1f}" y1="{TOP - 8}" x2="{x(tick):.1f}" y2="{height - 8}" stroke="#ddd"/>')
        lines.append(f'<text x="{x(tick):.1f}" y="{TOP - 14}" text-anchor="middle" fill="#666">{tick}</text>')
    for at, (species, row) in enumerate(rows):
        middle = TOP + ROW * at + ROW / 2
        lines.append(f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(names[species])}</text>')
        bar = x(row["mean"]) - LEFT
        lines.append(f'<rect x="{LEFT}" y="{middle - 6}" width="{bar:.1f}" height="12" fill="#3a7ca5"/>')
        low, high = x(row["low"]), x(row["high"])
        lines.append(
            f'<line x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}" stroke="#16425b" stroke-width="2"/>'
        )
    lines.append("</svg>\n")
    result_file.write_text("\n".join(lines), encoding="utf-8")
    print(f"{len(rows)} bars up to {most}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
