"""Who calls: short-lived internal tokens, signed by the gateway (Ed25519), checked by every other service."""

import base64
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from fastapi import Depends, Request

from orchestra.chassis.clock import Clock, SystemClock
from orchestra.chassis.http.problems import Problem

ISSUER = "orchestra-gateway"
LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True)
class Caller:
    """The subject of a request, its workspace (from the credential, never from the request) and its grants."""

    subject: str
    workspace_id: str
    grants: tuple[str, ...] = ()


class TokenSigner:
    """The gateway's end."""

    def __init__(self, private_key: str, clock: Clock | None = None) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(_decode(private_key))
        self._clock = clock or SystemClock()

    @property
    def public_key(self) -> str:
        return _encode(self._key.public_key().public_bytes_raw())

    def sign(self, caller: Caller, audience: str) -> str:
        now = self._clock.now()
        claims = {
            "iss": ISSUER,
            "aud": audience,
            "sub": caller.subject,
            "workspace": caller.workspace_id,
            "grants": list(caller.grants),
            "iat": now,
            "exp": now + LIFETIME,
        }
        return jwt.encode(claims, self._key, algorithm="EdDSA")


class TokenVerifier:
    """Every other service's end."""

    def __init__(self, public_key: str, audience: str) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(_decode(public_key))
        self._audience = audience

    def verify(self, token: str) -> Caller:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=["EdDSA"],
                issuer=ISSUER,
                audience=self._audience,
                leeway=5,
                options={"require": ["exp", "sub", "aud", "iss", "workspace", "grants"]},
            )
        except jwt.InvalidTokenError as error:
            raise Problem(401, "unauthenticated", f"the internal token does not hold: {error}") from error
        return Caller(claims["sub"], claims["workspace"], tuple(claims["grants"]))


class Identify(Protocol):
    """Finds the caller of a request or raises a Problem; the gateway's knows API keys, the others' internal tokens."""

    async def __call__(self, request: Request) -> Caller: ...


class IdentifyByToken:
    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def __call__(self, request: Request) -> Caller:
        return self._verifier.verify(bearer(request))


def bearer(request: Request) -> str:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credential.strip():
        raise Problem(401, "unauthenticated", "an Authorization: Bearer header is needed")
    return credential.strip()


async def _identify(request: Request) -> Caller:
    identify: Identify = request.app.state.identify
    return await identify(request)


CurrentCaller = Annotated[Caller, Depends(_identify)]
"""The caller, for an endpoint's signature."""


def new_private_key() -> str:
    return _encode(Ed25519PrivateKey.generate().private_bytes_raw())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text)
