"""Why the notifier refuses.

NotifyingError
├── UnknownWebhook
├── UnknownMailSubscription
├── UnknownDelivery
├── InvalidUrl
│   ├── RefusedAddress
│   └── UnresolvableHost
├── WebhookDisabled
├── MailSubscriptionDisabled
└── MailNotConfigured
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


class UnknownMailSubscription(NotifyingError):
    """There is no such mail subscription."""

    code = "unknown-mail-subscription"


class UnknownDelivery(NotifyingError):
    """There is no such delivery here."""

    code = "unknown-delivery"


class InvalidUrl(NotifyingError):
    """Nothing can be sent to this URL."""

    code = "invalid-url"

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.faults = (Fault(pointer="/url", code=self.code, detail=detail),)


class RefusedAddress(InvalidUrl):
    """The host is at an address that is not public."""

    code = "refused-address"


class UnresolvableHost(InvalidUrl):
    """The host has no address."""

    code = "unresolvable-host"


class WebhookDisabled(NotifyingError):
    """The webhook is disabled: enable it first."""

    code = "webhook-disabled"


class MailSubscriptionDisabled(NotifyingError):
    """The mail subscription is disabled: enable it first."""

    code = "mail-subscription-disabled"


class MailNotConfigured(NotifyingError):
    """No mail is sent from here: the operator has set no ORCHESTRA_SMTP_HOST."""

    code = "mail-not-configured"
