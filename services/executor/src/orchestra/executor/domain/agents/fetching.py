"""Pages of the web that an agent may read: from which hosts, and what of an answer is text."""

import re
from collections.abc import Sequence

from orchestra.executor.domain import hosts as names
from orchestra.executor.domain.policy import Policy, check_names

_TEXTS = re.compile(
    r"text/.*|application/(json|xml|yaml|x-yaml|toml|javascript|ecmascript|x-ndjson|x-sh|sql|graphql|rtf"
    r"|[a-z0-9.+-]*\+(json|xml|yaml))"
)
_CHARSETS = re.compile(
    r"utf-?8|us-ascii|iso-8859-\d{1,2}|windows-125\d|utf-16(le|be)?|koi8-[ru]|gb18030|big5|euc-(jp|kr)"
)
"""Those that are read in a time that grows no faster than the text."""


def host_named(host: str, port: int) -> str:
    """As policies and commands name it."""
    return host if port == names.HTTPS else f"{host}:{port}"


def why_not(policy: Policy, hosts: Sequence[str], host: str) -> str | None:
    """Why an agent with these hosts may not ask that one; None where it may. Both task and policy have to name it."""
    if fault := names.fault_of(host):
        return f"{host[:300]!a} {fault}."
    if names.split(host) not in map(names.split, hosts):
        named = ", ".join(hosts) or "none"
        return f"{host} is not among the hosts of this task ({named})."
    return next((refusal.detail for refusal in check_names(policy, (), (host,))), None)


def text_of(content_type: str, body: bytes) -> str | None:
    """None where it is no text."""
    kind, _, more = content_type.lower().partition(";")
    charset = re.search(r'charset="?([a-z0-9_-]{1,30})', more)
    if charset and _CHARSETS.fullmatch(charset[1]):
        return body.decode(charset[1], errors="replace")
    if b"\0" in body:
        return None
    if _TEXTS.fullmatch(kind.strip()):
        return body.decode(errors="replace")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        # A body that was cut may end within a character.
        return body[: error.start].decode() if error.start >= len(body) - 3 and error.start else None
