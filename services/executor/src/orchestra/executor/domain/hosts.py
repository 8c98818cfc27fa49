"""Hosts as policies and commands name them: `example.org`, `example.org:8443`; in a policy `*.example.org` too."""

import re

HTTPS = 443
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_HOST = re.compile(rf"(?P<name>(?:\*\.)?{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[1-9][0-9]{{0,4}}))?")


def fault_of(host: str, *, rule: bool = False) -> str | None:
    """Why `host` names none, or None. A `rule` of a policy may begin with `*.`, and stands for what lies beneath."""
    found = _HOST.fullmatch(host)
    if not found or len(host) > 260:
        return "is no host: a name in small letters such as example.org or example.org:8443"
    if int(found["port"] or HTTPS) > 65_535:
        return "has no port: they end at 65535"
    if found["name"].startswith("*") and not rule:
        return "is a pattern: a command names each host that it asks for"
    if "*" in found["name"] and found["name"].count(".") < 2:
        return "stands for all hosts of the world beneath one name"
    if re.fullmatch(r"(?:0x[0-9a-f]*|[0-9]+)", found["name"].rpartition(".")[2]):
        return "is an address: hosts are named, and resolved when they are asked for"
    return None


def split(host: str) -> tuple[str, int]:
    """Name and port; 443 where none is given."""
    name, _, port = host.partition(":")
    return name, int(port or HTTPS)


def matches(rule: str, host: str) -> bool:
    """Whether a policy's rule allows the host, port and all."""
    if fault_of(host) is not None:
        return False
    (allowed, allowed_port), (name, port) = split(rule), split(host)
    if port != allowed_port:
        return False
    return name.endswith(allowed[1:]) if allowed.startswith("*.") else name == allowed
