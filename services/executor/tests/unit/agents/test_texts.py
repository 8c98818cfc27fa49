"""Texts of others, cut."""

from hypothesis import given
from hypothesis import strategies as st

from orchestra.executor.domain.agents.fetching import host_named, text_of, why_not
from orchestra.executor.domain.agents.texts import cut, plain, without
from orchestra.executor.domain.policy import Policy


@given(st.text(), st.integers(min_value=1, max_value=300))
def test_what_is_cut_is_never_longer(text: str, most: int) -> None:
    assert len(cut(text, most)) <= most
    assert len(plain(text, most)) <= most


def test_what_was_cut_is_told() -> None:
    assert cut("x" * 500, 300) == "x" * 200 + "\n(300 characters more were cut off.)"
    assert cut("short", 300) == "short"


def test_secrets_never_come_back() -> None:
    assert without("Bearer sk-12345678 sk-12345678!", ("Bearer sk-12345678", "sk-12345678")) == "[…] […]!"


def test_a_page_is_read_in_its_charset() -> None:
    assert text_of("text/html; charset=ISO-8859-1", b"\xe9t\xe9") == "été"
    assert text_of("text/html; charset=utf-16", "Faro".encode("utf-16")) == "Faro"
    assert text_of('text/html; charset="punycode"', b"abc") == "abc"
    assert text_of("", "está".encode()) == "está"


def test_a_page_that_was_cut_within_a_character_is_still_text() -> None:
    assert text_of("application/unknown", "está".encode()[:-1]) == "est"


def test_what_is_no_text() -> None:
    assert text_of("image/png", b"\x89PNG\r\n\x1a\n\0\0") is None
    assert text_of("text/plain", b"a\0b") is None
    assert text_of("application/octet-stream", b"\xff\xfe\xfd\xfc") is None


def test_a_host_is_named_by_task_and_policy() -> None:
    policy = Policy(hosts=("*.example.org", "example.org:8443"))

    assert why_not(policy, ("data.example.org",), host_named("data.example.org", 443)) is None
    assert why_not(policy, ("data.example.org:443",), "data.example.org") is None
    assert why_not(policy, ("example.org:8443",), host_named("example.org", 8443)) is None
    assert "among the hosts of this task" in (why_not(policy, ("example.org:8443",), "example.org") or "")
    assert "among the hosts of this task" in (why_not(policy, (), "data.example.org") or "")
    assert "policy" in (why_not(policy, ("other.org",), "other.org") or "")
    assert "is an address" in (why_not(policy, ("127.0.0.1",), "127.0.0.1") or "")
