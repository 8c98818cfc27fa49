"""Copies the register of hides from a mirror: fetch_places.py MIRROR_LIST CHECKSUM RESULT

The mirrors are kept by volunteers, and one of them may be out of date. So the copy counts only if it has the published
SHA-256. Else this ends with 75 ("try again later"), and the next attempt asks the next mirror of the list.

The attempt's number comes from ORCHESTRA_ATTEMPT (1 for the first); nothing is remembered between attempts.
"""

import os
import sys
import time
from hashlib import sha256
from pathlib import Path

BYTES_PER_SECOND = 1_000
"""What we promised the volunteers to stay below."""
BLOCK = 100
TRY_AGAIN = os.EX_TEMPFAIL


def main(list_file: Path, checksum_file: Path, result_file: Path) -> None:
    mirrors = list_file.read_text(encoding="utf-8").split()
    wanted = checksum_file.read_text(encoding="utf-8").split()[0]
    attempt = int(os.environ.get("ORCHESTRA_ATTEMPT", "1"))
    mirror = mirrors[(attempt - 1) % len(mirrors)]
    content = fetch(list_file.parent / mirror)
    found = sha256(content).hexdigest()
    if found != wanted:
        print(f"{mirror}: {len(content)} bytes, checksum {found[:12]}… instead of {wanted[:12]}…: out of date")
        raise SystemExit(TRY_AGAIN)
    result_file.write_bytes(content)
    print(f"{mirror}: {len(content)} bytes, checksum is right")


def fetch(source: Path) -> bytes:
    blocks: list[bytes] = []
    with source.open("rb") as file:
        while block := file.read(BLOCK):
            blocks.append(block)
            time.sleep(len(block) / BYTES_PER_SECOND)
    return b"".join(blocks)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
