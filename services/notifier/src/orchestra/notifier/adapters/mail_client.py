"""Sends deliveries as mail through the operator's SMTP server."""

import asyncio
import ssl
import time
from contextlib import suppress
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTPDataError, SMTPException, SMTPRecipientsRefused, SMTPResponseException

from orchestra.notifier.adapters.mail_message import MailWriter
from orchestra.notifier.domain.delivery import Delivery, Outcome
from orchestra.notifier.domain.mail_subscription import MailSubscription

LONGEST_REASON = 300

FAREWELL_S = 2.0

Security = Literal["starttls", "tls", "none"]


class MailClient:
    """A connection for each mail. `timeout_s` bounds a try as a whole; `login` is (user, password)."""

    def __init__(
        self,
        host: str,
        port: int,
        security: Security,
        writer: MailWriter,
        *,
        timeout_s: float,
        login: tuple[str, str] | None = None,
        authorities: str | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._security: Security = security
        self._writer = writer
        self._timeout_s = timeout_s
        self._user, self._password = login or (None, None)
        self._context = ssl.create_default_context(cafile=authorities) if security != "none" else None

    async def send(self, delivery: Delivery, channel: MailSubscription) -> Outcome:
        """One try. Only what the server says for good about this recipient or this message ends a delivery.

        A refused login or sender is the operator's trouble and passes: the delivery waits for it.
        """
        started = time.perf_counter()

        def outcome(status: int | None, reason: str, *, permanent: bool = False) -> Outcome:
            told = reason.replace(self._password, "…") if self._password else reason
            took_ms = round(1000 * (time.perf_counter() - started))
            return Outcome(status, " ".join(told.split())[:LONGEST_REASON], took_ms, permanent=permanent)

        try:
            async with asyncio.timeout(self._timeout_s):
                await self._transmit(delivery, channel)
            return outcome(250, "")
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            return outcome(None, f"no answer within {self._timeout_s:g} s")
        except SMTPRecipientsRefused as refused:
            [first, *_] = refused.recipients
            return outcome(first.code, f"SMTP {first.code} {first.message}", permanent=first.code >= 500)
        except SMTPDataError as error:
            return outcome(error.code, f"SMTP {error.code} {error.message}", permanent=error.code >= 500)
        except SMTPResponseException as error:
            return outcome(error.code, f"SMTP {error.code} {error.message}")
        except (SMTPException, OSError, ValueError) as error:
            return outcome(None, f"{type(error).__name__}: {error}".removesuffix(": "))

    async def _transmit(self, delivery: Delivery, channel: MailSubscription) -> None:
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            use_tls=self._security == "tls",
            start_tls=self._security == "starttls",
            tls_context=self._context,
            username=self._user,
            password=self._password,
            timeout=self._timeout_s,
        )
        try:
            await client.connect()
            await client.send_message(self._writer.message(delivery, channel), recipients=[channel.address])
            with suppress(SMTPException):  # it has the mail
                await client.quit(timeout=FAREWELL_S)
        finally:
            client.close()  # the client's own context would wait for the farewell of a server that says nothing

    async def close(self) -> None:
        """Nothing is kept open between mails."""
