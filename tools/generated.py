"""Documents that are made from code: written, or compared with what the code says now."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Generated:
    """Files by path with their whole text. Nothing else may lie in the `owned` folders."""

    files: Mapping[Path, str]
    owned: tuple[Path, ...] = ()

    def stale(self) -> list[Path]:
        """What is missing, left over, or not what the code says."""
        differing = [path for path, text in self.files.items() if not path.exists() or path.read_text() != text]
        return sorted([*differing, *self._leftover()])

    def write(self) -> None:
        for path in self._leftover():
            path.unlink()
        for path, text in self.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def _leftover(self) -> Iterator[Path]:
        for folder in self.owned:
            yield from (path for path in folder.glob("*") if path not in self.files)


def between(page: str, begin: str, end: str, text: str) -> str:
    """The page with `text` between its two marks. Raises ValueError where a mark is missing."""
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"the page lacks a mark: {begin.strip()}")
    return f"{before}{begin}\n{text}\n{end}{after}"


def main(generated: Generated) -> None:
    """Write, or with `--check` only compare: exit 1 where something is stale."""
    if sys.argv[1:] != ["--check"]:
        generated.write()
        return
    stale = generated.stale()
    for path in stale:
        print(f"stale, run `make docs`: {path.relative_to(ROOT)}")
    sys.exit(bool(stale))
