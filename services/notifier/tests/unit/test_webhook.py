"""Which URLs a webhook may have, and that its secret stays out of sight."""

import pytest
from services.notifier.tests.events import AT

from orchestra.notifier.domain.errors import InvalidUrl
from orchestra.notifier.domain.webhook import Webhook, check_url


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:8443/hook?token=a%20b",
        "https://[2001:db8::1]/hook",
        "https://xn--bcher-kva.example/",
        "http://localhost:8080/hook",
        "http://127.0.0.1/hook",
        "http://127.8.9.1/hook",
        "http://[::1]:8080/hook",
    ],
)
def test_https_anywhere_and_plain_http_to_this_machine(url: str) -> None:
    check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "//example.com/hook",
        "https://",
        "https:///hook",
        "https:example.com",
        "ftp://example.com/hook",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://example.com/hook",
        "http://10.0.0.1/hook",
        "http://localhost.example.com/hook",
        "http://127.0.0.1.example.com/hook",
        "http://127.1/hook",
        "http://2130706433/hook",
        "http://0x7f000001/hook",
        "https://me@example.com/hook",
        "https://me:secret@example.com/hook",
        "https://@example.com/hook",
        "http://127.0.0.1@example.com/hook",
        "http://127.0.0.1\\@example.com/hook",
        "https://example.com/hook#part",
        "https://exa mple.com/hook",
        "https://example.com/ho\nok",
        "https://example.com/ho\x00ok",
        "https://bücher.example/",
        "https://example.com:99999/hook",
        "https://example.com:port/hook",
        "https://[::1/hook",
    ],
)
def test_anything_else_is_refused_at_its_place(url: str) -> None:
    with pytest.raises(InvalidUrl) as refused:
        check_url(url)

    assert [fault.pointer for fault in refused.value.faults] == ["/url"]


def test_the_secret_is_not_shown_by_accident() -> None:
    webhook = Webhook("whk_1", "wsp_1", "https://example.com", ("run.finished",), "", "whsec_hidden", AT)

    assert "hidden" not in f"{webhook} {webhook!r}"
