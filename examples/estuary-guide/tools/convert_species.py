"""Turns the species list into JSON for others to use: convert_species.py SPECIES RESULT"""

import csv
import json
import sys
from pathlib import Path


def main(species_file: Path, result_file: Path) -> None:
    with species_file.open(encoding="utf-8", newline="") as file:
        species = [{**row, "length_cm": int(row["length_cm"])} for row in csv.DictReader(file)]
    species.sort(key=lambda row: (row["habitat"], row["english"]))
    result_file.write_text(json.dumps(species, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(species)} species in {len({row['habitat'] for row in species})} habitats")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
