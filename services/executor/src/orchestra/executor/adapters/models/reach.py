"""Where requests to providers may go: a process that must not spend money reaches loopback alone."""

from ipaddress import ip_address
from typing import Literal

Reach = Literal["any", "loopback"]


class PaidCallRefused(Exception):
    """This process may ask no provider but one on this machine (ORCHESTRA_MODEL_CALLS=loopback)."""


def check_reach(reach: Reach, host: str) -> None:
    """Raises PaidCallRefused."""
    if reach == "loopback" and not _is_loopback(host):
        raise PaidCallRefused(f"{host}: {(PaidCallRefused.__doc__ or '').strip()}")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
