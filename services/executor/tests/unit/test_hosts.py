"""Which hosts a command may ask for by a policy's rules."""

import pytest

from orchestra.executor.domain.hosts import fault_of, matches, split


@pytest.mark.parametrize(
    ("rule", "host", "allowed"),
    [
        ("example.org", "example.org", True),
        ("example.org", "example.org:443", True),
        ("example.org", "example.org:80", False),
        ("example.org:8443", "example.org:8443", True),
        ("example.org:8443", "example.org", False),
        ("example.org", "a.example.org", False),
        ("example.org", "evilexample.org", False),
        ("*.example.org", "a.example.org", True),
        ("*.example.org", "a.b.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", "evilexample.org", False),
        ("*.example.org", "example.org.evil.net", False),
        ("*.example.org", "*.example.org", False),
        ("example.org", "EXAMPLE.org", False),
        ("example.org", "example.org.", False),
        ("example.org", "example.org\n", False),
        ("example.org", "u@example.org", False),
    ],
)
def test_a_rule_allows_exactly_what_it_says(rule: str, host: str, allowed: bool) -> None:
    assert matches(rule, host) is allowed


@pytest.mark.parametrize(
    "host", ["", ".", "a..b", "-a.org", "a-.org", "a b", "a/b", "[::1]", "1.2.3.4", "127.1", "0x7f.1", "a:0", "a:65536"]
)
def test_what_is_no_host_is_told_so(host: str) -> None:
    assert fault_of(host)


def test_a_host_without_a_port_is_asked_on_443() -> None:
    assert split("example.org") == ("example.org", 443)
    assert split("example.org:8443") == ("example.org", 8443)
    assert fault_of("localhost") is None
