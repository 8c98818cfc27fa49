"""What a mail says: whatever people write, its headers are ours."""

from email import message_from_bytes
from email.policy import default

from hypothesis import given, settings
from hypothesis import strategies as st
from services.notifier.tests.events import AT, change, tasks_changed

from orchestra.notifier.adapters.mail_message import MailWriter
from orchestra.notifier.domain.delivery import Delivery
from orchestra.notifier.domain.mail_subscription import MailSubscription
from orchestra.notifier.domain.notice import of_tasks

WRITER = MailWriter("orchestra@example.org", None)
ANA = MailSubscription(
    id="mls_1",
    workspace_id="wsp_1",
    kinds=("task.failed",),
    description="",
    created_at=AT,
    address="ana@example.org",
)
HEADERS = [
    *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "List-Unsubscribe", "MIME-Version"),
    "Content-Type",
]

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=400) | st.sampled_from(
    [
        "\r\nBcc: all@example.org",
        "x\r\n\r\n<script>",
        "a\x00b",
        "\u2028Bcc: x",
        "=?utf-8?q?=0ABcc:x?=",
        "\x85X: y",
        "<b>",
    ]
)


@settings(max_examples=60, deadline=None)
@given(texts, texts, texts)
def test_nothing_that_people_write_adds_a_header_or_markup(title: str, key: str, cause: str) -> None:
    [notice] = of_tasks(tasks_changed(change("failed", title=title, key=key, cause=cause)))
    message = WRITER.message(Delivery.of(notice, ANA, "dlv_1", AT), ANA)

    read = message_from_bytes(message.as_bytes(), policy=default)

    assert read.keys() == HEADERS
    assert read["To"] == "ana@example.org"
    assert len(str(read["Subject"]).splitlines()) == 1
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    assert "<script" not in read.get_body(("html",)).get_content()
