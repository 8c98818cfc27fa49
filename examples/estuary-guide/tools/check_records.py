"""Checks the species list and the counts: check_records.py SPECIES SIGHTINGS SUMMARY

Every fault is printed with its file and line; any fault ends with 1 and writes nothing.
"""

import csv
import json
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

HABITATS = {"mudflat", "open water", "reed bed", "rice field", "salt pan"}
MONTHS = {10, 11, 12, 1, 2, 3}
MOST = 20_000
"""Birds of one species on one visit. More has never been counted here: it is a slip of the pen."""


def main(species_file: Path, sightings_file: Path, summary_file: Path) -> None:
    species = read(species_file)
    sightings = read(sightings_file)
    faults = [
        *(f"{species_file}:{line}: {fault}" for line, fault in check_species(species)),
        *(
            f"{sightings_file}:{line}: {fault}"
            for line, fault in check_sightings(sightings, {s["id"] for s in species})
        ),
    ]
    if faults:
        raise SystemExit("\n".join(faults))
    dates = sorted(sighting["date"] for sighting in sightings)
    visits = {(sighting["date"], sighting["place"]) for sighting in sightings}
    summary = {
        "species": len(species),
        "counts": len(sightings),
        "visits": len(visits),
        "first": dates[0],
        "last": dates[-1],
    }
    write(summary_file, json.dumps(summary, indent=2) + "\n")
    print(f"{len(species)} species and {len(sightings)} counts from {len(visits)} visits, no faults")


def check_species(rows: list[dict[str, str]]) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for line, row in enumerate(rows, 2):
        if row["id"] in seen:
            yield line, f"{row['id']} is listed twice"
        seen.add(row["id"])
        if row["habitat"] not in HABITATS:
            yield line, f"{row['habitat']!r} is no habitat"
        if not (row["length_cm"].isdigit() and 5 <= int(row["length_cm"]) <= 200):
            yield line, f"a bird of {row['length_cm']!r} cm"
        for field in ("scientific", "english", "portuguese"):
            if not row[field].strip():
                yield line, f"no {field} name"


def check_sightings(rows: list[dict[str, str]], known: set[str]) -> Iterator[tuple[int, str]]:
    seen: set[tuple[str, str, str]] = set()
    for line, row in enumerate(rows, 2):
        key = (row["date"], row["place"], row["species"])
        if key in seen:
            yield line, f"{row['species']} is counted twice on this visit"
        seen.add(key)
        if row["species"] not in known:
            yield line, f"unknown species {row['species']!r}"
        if not (row["count"].isdigit() and 1 <= int(row["count"]) <= MOST):
            yield line, f"a count of {row['count']!r}"
        try:
            if date.fromisoformat(row["date"]).month not in MONTHS:
                yield line, f"{row['date']} is outside the season of October to March"
        except ValueError:
            yield line, f"{row['date']!r} is no date"


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
