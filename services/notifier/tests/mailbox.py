"""A counterpart for mail: a real SMTP server on a real socket, in this loop, whose answers a test chooses."""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

LOGIN = ("ana", "a-very-secret-password")


@dataclass(frozen=True)
class Received:
    sender: str
    recipients: list[str]
    message: EmailMessage
    encrypted: bool
    user: str | None


@dataclass
class Mailbox:
    port: int = 0
    to_recipients: deque[str] = field(default_factory=deque[str])
    """What is said to the next recipients, one by one; then they are taken."""
    to_messages: deque[str] = field(default_factory=deque[str])
    hangs: asyncio.Event | None = None
    """Say nothing to a recipient before this."""
    asked: int = 0
    """Recipients named so far."""
    received: list[Received] = field(default_factory=list[Received])
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(condition)

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        async with self._changed:
            self.asked += 1
            self._changed.notify_all()
        if self.hangs is not None:
            await self.hangs.wait()
        if self.to_recipients:
            return self.to_recipients.popleft()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        message = cast("EmailMessage", message_from_bytes(cast("bytes", envelope.content), policy=default))
        user = session.auth_data.login.decode() if session.auth_data else None
        received = Received(str(envelope.mail_from), envelope.rcpt_tos, message, session.ssl is not None, user)
        async with self._changed:
            self.received.append(received)
            self._changed.notify_all()
        return self.to_messages.popleft() if self.to_messages else "250 taken"


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
    right = isinstance(given, LoginPassword) and (given.login.decode(), given.password.decode()) == LOGIN
    return AuthResult(success=right, handled=False, auth_data=given)


@asynccontextmanager
async def mailbox(context: ssl.SSLContext | None = None, *, login: bool = False) -> AsyncIterator[Mailbox]:
    """With a context it insists on STARTTLS; with `login` on a user and a password."""
    made = Mailbox()
    asking = {"authenticator": _authenticate, "auth_required": login, "auth_require_tls": login}
    serve = partial(
        SMTP, made, hostname="mail.test", tls_context=context, require_starttls=context is not None, **asking
    )
    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
