"""A webhook keeps its secret out of sight."""

from services.notifier.tests.events import a_webhook


def test_the_secret_is_not_shown_by_accident() -> None:
    webhook = a_webhook(secret="whsec_hidden")

    assert "hidden" not in f"{webhook} {webhook!r}"
