"""Sends deliveries as Standard Webhooks 1.0.0 has it: signed, bounded in time, following nothing."""

import asyncio
import base64
import secrets
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from standardwebhooks import Webhook as Signer

from orchestra.chassis.clock import Clock
from orchestra.chassis.errors import Transient
from orchestra.chassis.http.outward import Outward, RefusedUrl
from orchestra.notifier.adapters.vault import PREFIX, KeyVault, Sealed
from orchestra.notifier.domain.delivery import Delivery, Outcome
from orchestra.notifier.domain.webhook import Webhook

LONGEST_REASON = 300


def new_secret() -> str:
    """`whsec_` and 32 random bytes in base64: what HMAC-SHA256 uses whole."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


class WebhookClient:
    """`timeout_s` bounds a try from the connection to the answer's status; the answer's body is not read."""

    def __init__(self, timeout_s: float, clock: Clock, outward: Outward, vault: KeyVault) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._outward = outward
        self._vault = vault
        self._http = outward.client()

    async def send(self, delivery: Delivery, channel: Webhook) -> Outcome:
        """One try. What goes wrong on the way is an outcome as well."""
        started = time.perf_counter()

        def outcome(status: int | None, reason: str, **more: Any) -> Outcome:
            return Outcome(status, reason[:LONGEST_REASON], round(1000 * (time.perf_counter() - started)), **more)

        now = self._clock.now()
        try:
            headers = signed_headers(delivery, self._vault.open(channel.secret, channel.id), now)
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream("POST", channel.url, content=delivery.body, headers=headers) as answer,
            ):
                wish = retry_after(answer.headers.get("retry-after"), now)
                return outcome(
                    answer.status_code, "" if answer.is_success else f"HTTP {answer.status_code}", retry_after=wish
                )
        except TimeoutError:
            return outcome(None, f"no answer within {self._timeout_s:g} s")
        except RefusedUrl as refused:  # its host may have an address again; any other refusal stands
            return outcome(None, str(refused), permanent=refused.code != "unresolvable-host")
        except (Sealed, Transient, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return outcome(None, f"{type(error).__name__}: {error}".removesuffix(": "))

    async def close(self) -> None:
        await self._http.aclose()
        self._outward.close()


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
