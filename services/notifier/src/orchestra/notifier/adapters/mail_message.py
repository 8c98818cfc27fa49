"""A notice as a mail: text and HTML, the same message for every try."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from orchestra.notifier.domain.delivery import Delivery
from orchestra.notifier.domain.mail_subscription import MailSubscription
from orchestra.notifier.domain.wording import wording

NAME = "Orchestra"


class MailWriter:
    """`sender` is the address mails come from, `public_url` where people reach the gateway."""

    def __init__(self, sender: str, public_url: str | None) -> None:
        self._sender = sender
        self._public_url = public_url.rstrip("/") if public_url else None
        templates = Environment(
            loader=PackageLoader("orchestra.notifier.adapters"),
            autoescape=select_autoescape(("html.jinja",)),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._text = templates.get_template("mail.txt.jinja")
        self._html = templates.get_template("mail.html.jinja")

    def message(self, delivery: Delivery, subscription: MailSubscription) -> EmailMessage:
        """The header registry refuses what would end a header, so nothing in a notice can add one."""
        words = wording(delivery)
        link = f"{self._public_url}/api/v1/runs/{quote(words.run_id)}" if self._public_url and words.run_id else None
        told = {"words": words, "link": link, "subscription": subscription}
        message = EmailMessage(policy=SMTP)
        message["From"] = Address(NAME, addr_spec=self._sender)
        message["To"] = Address(addr_spec=subscription.address)
        # The registry would read an encoded word in it, and what that holds may end the header.
        message["Subject"] = f"[{NAME}] {words.subject}".replace("=?", "= ?")
        message["Date"] = delivery.created_at
        message["Message-ID"] = f"<{delivery.id}@{self._sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        wish = quote(f"unsubscribe {subscription.id}")
        message["List-Unsubscribe"] = f"<mailto:{self._sender}?subject={wish}>"
        message.set_content(self._text.render(told))
        message.add_alternative(self._html.render(told), subtype="html")
        message.set_boundary(f"={delivery.id}")  # a random one would make another message of each try
        return message
