"""Why the notifier refuses.

NotifyingError
├── UnknownWebhook
├── UnknownDelivery
├── InvalidUrl
└── WebhookDisabled
"""

from typing import ClassVar

from orchestra.contracts.planning import Fault


class NotifyingError(Exception):
    """The notifier refused."""

    code: ClassVar[str] = "notifying-refused"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or type(self).__doc__)


class UnknownWebhook(NotifyingError):
    """There is no such webhook."""

    code = "unknown-webhook"


class UnknownDelivery(NotifyingError):
    """This webhook has no such delivery."""

    code = "unknown-delivery"


class InvalidUrl(NotifyingError):
    """Nothing can be sent to this URL."""

    code = "invalid-url"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.faults = (Fault(pointer="/url", code=self.code, detail=detail),)


class WebhookDisabled(NotifyingError):
    """The webhook is disabled: enable it first."""

    code = "webhook-disabled"
