"""Unified diffs: read, and applied to texts; all of one, or nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
NOWHERE = "/dev/null"


class BadPatch(Exception):
    """It cannot be read, or does not fit; the message says where."""


@dataclass(frozen=True)
class Hunk:
    start: int
    """Line of the old file that it begins at, from 1."""
    before: tuple[str, ...]
    after: tuple[str, ...]
    """Lines with their ends."""


@dataclass(frozen=True)
class FilePatch:
    before: str | None
    """None: it is made."""
    after: str | None
    """None: it is removed."""
    hunks: tuple[Hunk, ...]


def parse(patch: str) -> tuple[FilePatch, ...]:
    """Raises BadPatch."""
    lines = patch.splitlines(keepends=True)
    files: list[FilePatch] = []
    at = 0
    while at < len(lines):
        if not lines[at].startswith("--- "):
            if lines[at].startswith("@@"):
                raise BadPatch(f"Line {at + 1}: a hunk without its file.")
            at += 1
            continue
        if at + 1 >= len(lines) or not lines[at + 1].startswith("+++ "):
            raise BadPatch(f"Line {at + 2}: `+++ ` is missing after `--- `.")
        before, after = _path(lines[at], "a/"), _path(lines[at + 1], "b/")
        if before is None and after is None:
            raise BadPatch(f"Line {at + 1}: a file that never is.")
        at, hunks = _hunks(lines, at + 2)
        if not hunks:
            raise BadPatch(f"Line {at}: {after or before} has no hunk.")
        files.append(FilePatch(before, after, tuple(hunks)))
    if not files:
        raise BadPatch("There is no `--- ` line: this is no unified diff.")
    return tuple(files)


def _path(line: str, prefix: str) -> str | None:
    name = line[4:].rstrip("\r\n").partition("\t")[0].strip()
    return None if name == NOWHERE else name.removeprefix(prefix)


def _hunks(lines: Sequence[str], at: int) -> tuple[int, list[Hunk]]:
    hunks: list[Hunk] = []
    while at < len(lines) and (head := _HUNK.match(lines[at])):
        start, old, new = int(head[1]), int(head[2] or 1), int(head[4] or 1)
        at += 1
        before: list[str] = []
        after: list[str] = []
        while at < len(lines) and (len(before) < old or len(after) < new or lines[at].startswith("\\")):
            at = _line(lines, at, before, after)
        if len(before) != old or len(after) != new:
            raise BadPatch(
                f"Line {at + 1}: a hunk has other numbers of lines than it says ({old} before, {new} after)."
            )
        hunks.append(Hunk(start, tuple(before), tuple(after)))
    return at, hunks


def _line(lines: Sequence[str], at: int, before: list[str], after: list[str]) -> int:
    sign, text = lines[at][:1], lines[at][1:]
    match sign:
        case " " | "\n" | "\r":  # an empty line of context often comes without its space
            text = text if sign == " " else lines[at]
            before.append(text)
            after.append(text)
        case "-":
            before.append(text)
        case "+":
            after.append(text)
        case "\\":  # no newline at the end of the line before
            for side in (before, after):
                if side and lines[at - 1][1:] == side[-1]:
                    side[-1] = side[-1].rstrip("\r\n")
        case _:
            raise BadPatch(f"Line {at + 1}: a line of a hunk begins with a space, + or -.")
    return at + 1


def apply(files: Sequence[FilePatch], before: Mapping[str, str]) -> dict[str, str | None]:
    """Each path that is written with its text, or None where it is removed. Raises BadPatch."""
    now: dict[str, str | None] = dict(before)
    changed: dict[str, str | None] = {}
    for file in files:
        text = "" if file.before is None else now.get(file.before)
        if text is None:
            raise BadPatch(f"{file.before} is not there.")
        if file.before is None and file.after is not None and now.get(file.after) is not None:
            raise BadPatch(f"{file.after} is there already.")
        result = "".join(_patched(file, text))
        if file.after is None:
            if result:
                raise BadPatch(f"{file.before} has more lines than are removed.")
            changed[file.before or ""] = now[file.before or ""] = None
            continue
        if file.before is not None and file.before != file.after:
            changed[file.before] = now[file.before] = None
        changed[file.after] = now[file.after] = result
    return changed


def _patched(file: FilePatch, text: str) -> Iterator[str]:
    lines = text.splitlines(keepends=True)
    done = 0
    for number, hunk in enumerate(file.hunks, start=1):
        place = _place(lines, hunk, done)
        if place is None:
            raise BadPatch(f"Hunk {number} of {file.after or file.before} does not fit.")
        yield from lines[done:place]
        yield from hunk.after
        done = place + len(hunk.before)
    yield from lines[done:]


def _place(lines: Sequence[str], hunk: Hunk, least: int) -> int | None:
    """Where its old lines stand: where it says, else where they stand only once."""
    size = len(hunk.before)

    def fits(place: int) -> bool:
        return least <= place <= len(lines) - size and tuple(lines[place : place + size]) == hunk.before

    said = max(hunk.start - 1, 0) if size else min(hunk.start, len(lines))
    if fits(said):
        return said
    found = [place for place in range(least, len(lines) - size + 1) if size and fits(place)]
    return found[0] if len(found) == 1 else None
