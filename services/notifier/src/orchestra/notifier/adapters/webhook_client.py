"""Sends deliveries as Standard Webhooks 1.0.0 has it: signed, bounded in time, following nothing."""

import asyncio
import base64
import secrets
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
from standardwebhooks import Webhook as Signer

from orchestra.chassis.clock import Clock
from orchestra.notifier.domain.delivery import Delivery, Outcome
from orchestra.notifier.domain.webhook import Webhook

LONGEST_REASON = 300


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64: what HMAC-SHA256 uses whole."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class WebhookClient:
    """`timeout_s` bounds a try from the connection to the answer's status; the answer's body is not read."""

    def __init__(self, timeout_s: float, clock: Clock) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        # No proxy and no .netrc from the environment: credentials would go where a webhook's URL points.
        self._http = httpx.AsyncClient(
            timeout=None,  # noqa: S113 - each try is bounded as a whole
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            follow_redirects=False,
            trust_env=False,
        )

    async def send(self, delivery: Delivery, webhook: Webhook) -> Outcome:
        """One try. What goes wrong on the way is an outcome as well."""
        started = time.perf_counter()

        def outcome(status: int | None, reason: str, retry_after: timedelta | None = None) -> Outcome:
            return Outcome(status, reason[:LONGEST_REASON], round(1000 * (time.perf_counter() - started)), retry_after)

        now = self._clock.now()
        headers = signed_headers(delivery, webhook.secret, now)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream("POST", webhook.url, content=delivery.body, headers=headers) as answer,
            ):
                wish = retry_after(answer.headers.get("retry-after"), now)
                return outcome(answer.status_code, "" if answer.is_success else f"HTTP {answer.status_code}", wish)
        except TimeoutError:
            return outcome(None, f"no answer within {self._timeout_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return outcome(None, f"{type(error).__name__}: {error}".removesuffix(": "))

    async def close(self) -> None:
        await self._http.aclose()


def signed_headers(delivery: Delivery, secret: str, at: datetime) -> dict[str, str]:
    """`at` is the instant of this try; the id is the same for all of them."""
    return {
        "content-type": "application/json",
        "user-agent": "orchestra-webhooks/1",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Signer(secret).sign(delivery.id, at, delivery.body),
    }


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """A Retry-After in seconds or as an HTTP date; None where it is neither."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return timedelta(seconds=min(int(value), 10**7))
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(at.replace(tzinfo=at.tzinfo or UTC) - now, timedelta())
