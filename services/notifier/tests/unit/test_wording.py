"""What a mail says: whatever people write, its headers are ours."""

from email import message_from_bytes
from email.policy import default

from hypothesis import given, settings
from hypothesis import strategies as st
from services.notifier.tests.events import (
    AT,
    budget_exhausted,
    budget_raised,
    budget_warned,
    change,
    checkpoint_raised,
    checkpoint_resolved,
    tasks_changed,
)

from orchestra.contracts.budgets import BudgetExhausted, BudgetRaised, BudgetWarned
from orchestra.contracts.checkpoints import CheckpointRaised, CheckpointResolved
from orchestra.notifier.adapters.mail_message import MailWriter
from orchestra.notifier.domain.delivery import Delivery
from orchestra.notifier.domain.mail_subscription import MailSubscription
from orchestra.notifier.domain.notice import of_budget, of_checkpoint, of_tasks
from orchestra.notifier.domain.wording import Wording, wording

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


def words_of(event: CheckpointRaised | CheckpointResolved) -> Wording:
    [notice] = of_checkpoint(event, AT)
    return wording(Delivery.of(notice, ANA, "dlv_1", AT))


def test_a_checkpoint_by_mail_says_what_is_asked_and_how_to_answer() -> None:
    asked = words_of(checkpoint_raised(expires_at=AT))

    assert asked.subject == "Decision needed: T1 Write it"
    assert asked.sentence == "Write it (T1) has failed. Try it again?"
    assert ("Answer with", "orchestra checkpoint answer chk_1 retry|skip|fail") in asked.facts
    assert ("Open until", "2026-11-20T09:30:00+00:00") in asked.facts
    assert words_of(checkpoint_raised(escalated=True)).subject == "Still to be decided: T1 Write it"


def test_a_budget_by_mail_says_how_much_and_how_to_raise_it() -> None:
    def words(event: BudgetWarned | BudgetExhausted | BudgetRaised) -> Wording:
        [notice] = of_budget(event, "evt_1")
        return wording(Delivery.of(notice, ANA, "dlv_1", AT))

    warned, exhausted, raised = words(budget_warned()), words(budget_exhausted()), words(budget_raised(limit=None))
    day = words(budget_warned(scope="day", name="all", period="2026-11-20", unit="tokens", limit=10_000_000))

    assert warned.subject == "Budget nearly used: project prj_1"
    assert "82 % of the limit" in warned.sentence
    assert "7.00 USD settled and 1.25 USD held of 10.00 USD" in warned.sentence
    assert "It asked for 2.00 USD" in exhausted.sentence
    assert ("Raise it with", "orchestra budget top-up project prj_1 --usd 5") in exhausted.facts
    assert raised.sentence == "There is no limit any more; it was 10.00 USD. By ana."
    assert "Raise it with" not in dict(raised.facts)
    assert day.subject == "Budget nearly used: the workspace's day 2026-11-20"
    assert "7,000,000 tokens settled" in day.sentence


def test_a_question_of_an_agent_is_answered_with_a_text() -> None:
    asked = words_of(checkpoint_raised(about="question", choices=("answer", "skip", "fail")))

    assert ("Answer with", "orchestra checkpoint answer chk_1 answer TEXT|skip|fail") in asked.facts


def test_the_end_of_a_checkpoint_by_mail_says_who_answered_what() -> None:
    answered = words_of(checkpoint_resolved(guidance="Mind the gap."))

    assert answered.subject == "Checkpoint answered with retry by ana: T1 Write it"
    assert ("Guidance", "Mind the gap.") in answered.facts
    assert words_of(checkpoint_resolved("expired")).subject == "Checkpoint expired: T1 Write it"
