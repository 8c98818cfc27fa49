"""Writes the SHA-256 of each file in the form that sha256sum reads: make_checksums.py RESULT FILE…"""

import sys
from hashlib import sha256
from pathlib import Path


def main(result_file: Path, *files: Path) -> None:
    lines = [f"{sha256(path.read_bytes()).hexdigest()}  {path}\n" for path in files]
    result_file.write_text("".join(lines), encoding="utf-8")
    print(f"{len(lines)} files")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
