"""Counts by species: count_sightings.py SIGHTINGS PLACES RESULT

For each species: the total, the month and the hide with most birds, and the mean of a visit on which it was seen with
a 95 % interval. The interval is a percentile bootstrap (Efron 1979): the visits are drawn again, with replacement,
DRAWS times. The draws are seeded with the species' id, so that the same counts give the same figures.
"""

import csv
import json
import random
import sys
from collections import Counter, defaultdict
from pathlib import Path
from statistics import fmean

DRAWS = 5_000


def main(sightings_file: Path, places_file: Path, result_file: Path) -> None:
    hides = {row["id"]: row["name"] for row in read(places_file)}
    by_species: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for row in read(sightings_file):
        if row["place"] not in hides:
            raise SystemExit(f"{row['date']}: {row['place']} is not in the register of hides")
        by_species[row["species"]].append(row)
    result = {species: summary(species, rows, hides) for species, rows in sorted(by_species.items())}
    result_file.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(result)} species, {sum(row['total'] for row in result.values()):,} birds")


def summary(species: str, rows: list[dict[str, str]], hides: dict[str, str]) -> dict[str, object]:
    months: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for row in rows:
        months[row["date"][:7]] += int(row["count"])
        places[hides[row["place"]]] += int(row["count"])
    counts = [int(row["count"]) for row in rows]
    low, high = interval(counts, random.Random(species))  # noqa: S311 - draws for statistics keep no secret
    return {
        "total": sum(counts),
        "visits": len(counts),
        "month": months.most_common(1)[0][0],
        "hide": places.most_common(1)[0][0],
        "mean": round(fmean(counts), 1),
        "low": round(low, 1),
        "high": round(high, 1),
    }


def interval(counts: list[int], source: random.Random) -> tuple[float, float]:
    means = sorted(fmean(source.choices(counts, k=len(counts))) for _ in range(DRAWS))
    return means[round(0.025 * DRAWS)], means[round(0.975 * DRAWS) - 1]


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
