"""Where tools are, and which folders a sandbox shows so that they work."""

import os
import stat
import sys
from functools import lru_cache
from pathlib import Path

SEARCH = ("/usr/local/bin", "/usr/bin", "/bin")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
SETTINGS = (
    *("/etc/alternatives", "/etc/ld.so.cache"),
    *("/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf", "/etc/crypto-policies"),
)
"""All of /etc that is shown: what the links of tools, the dynamic loader and whatever starts OpenSSL need."""

CERTIFICATES = (
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/pki/tls/certs",
    "/etc/pki/ca-trust",
    "/etc/ca-certificates",
)
"""Of authorities: what proves hosts, where a command may ask for some."""


class UnknownTool(Exception):
    """The tool is not on this machine."""


@lru_cache
def find(name: str) -> Path:
    """The absolute path of a tool. Raises UnknownTool with the reason."""
    outside: Path | None = None
    for folder in SEARCH:
        path = Path(folder, name)
        if path.is_file() and os.access(path, os.X_OK):
            if any(path.resolve().is_relative_to(Path(shown).resolve()) for shown in SYSTEM):
                return path
            outside = path.resolve()
    if name == "python3":
        return interpreter()
    if outside:
        raise UnknownTool(f"{name} is {outside}, outside what the sandbox shows ({', '.join(SYSTEM)}).")
    raise UnknownTool(f"{name} is not installed in {', '.join(SEARCH)}.")


def open_to_all(folder: Path) -> bool:
    """Whether any user may pass through; a folder that is not there closes nothing."""
    return not folder.exists() or all(step.stat().st_mode & stat.S_IXOTH for step in (folder, *folder.parents))


def interpreter() -> Path:
    """The interpreter that runs this, outside any virtual environment."""
    path = Path(sys.base_prefix, "bin", "python3")
    if not os.access(path, os.X_OK):
        raise UnknownTool(f"python3 is neither in {', '.join(SEARCH)} nor at {path}.")
    return path


@lru_cache
def shown_folders() -> tuple[str, ...]:
    """Folders that tools may read and run files from.

    Of an interpreter outside the system only `bin` and `lib` are shown: its prefix may well be somebody's home.
    """
    python = find("python3")
    if any(python.resolve().is_relative_to(Path(shown).resolve()) for shown in SYSTEM):
        return SYSTEM
    folders = (python.parent, python.resolve().parent, Path(sys.base_prefix, "lib"), Path(sys.base_prefix, "lib64"))
    return (*SYSTEM, *dict.fromkeys(str(folder) for folder in folders if folder.is_dir()))


@lru_cache
def environment(home: str) -> dict[str, str]:
    """All that a command finds in its environment; `home` is its private folder for temporary files."""
    path = ":".join(dict.fromkeys((*SEARCH, str(find("python3").parent))))
    # Git gives up where it sees settings of the machine and may not read them.
    git = {"GIT_CONFIG_NOSYSTEM": "1"}
    return {"PATH": path, "HOME": home, "TMPDIR": home, "LANG": "C.UTF-8", "TZ": "UTC"} | git
