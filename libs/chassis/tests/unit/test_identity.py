"""Internal tokens: only what the gateway signed for this service, a short while ago."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from orchestra.chassis.http.identity import ISSUER, LIFETIME, Caller, TokenSigner, TokenVerifier, new_private_key
from orchestra.chassis.http.problems import Problem
from orchestra.chassis.testing.fakes import HeldClock

KEY = new_private_key()
SIGNER = TokenSigner(KEY)
VERIFIER = TokenVerifier(SIGNER.public_key, "planner")
CALLER = Caller("key_1", "wsp_1", ("read", "write"))


def claims(**changes: Any) -> dict[str, Any]:
    now = HeldClock().now()
    good = {"iss": ISSUER, "aud": "planner", "sub": "key_1", "workspace": "wsp_1", "grants": [], "exp": now + LIFETIME}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(**changes: Any) -> str:
    private = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(KEY))
    return jwt.encode(claims(**changes), private, algorithm="EdDSA")


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def refused(token: str, verifier: TokenVerifier = VERIFIER) -> str:
    with pytest.raises(Problem) as raised:
        verifier.verify(token)
    assert (raised.value.status, raised.value.code) == (401, "unauthenticated")
    return raised.value.detail


def test_a_token_carries_the_caller() -> None:
    assert VERIFIER.verify(SIGNER.sign(CALLER, "planner")) == CALLER


def test_a_token_for_another_service_is_refused() -> None:
    assert "audience" in refused(SIGNER.sign(CALLER, "scheduler")).lower()


def test_a_token_lives_for_a_minute() -> None:
    clock = HeldClock()
    clock.advance(-LIFETIME)
    assert VERIFIER.verify(TokenSigner(KEY, clock).sign(CALLER, "planner")) == CALLER  # within the leeway

    clock.advance(timedelta(seconds=-6))
    assert "expired" in refused(TokenSigner(KEY, clock).sign(CALLER, "planner")).lower()


def test_a_token_of_another_signer_is_refused() -> None:
    refused(TokenSigner(new_private_key()).sign(CALLER, "planner"))


def test_a_token_whose_content_was_changed_is_refused() -> None:
    head, _, signature = SIGNER.sign(CALLER, "planner").split(".")
    body = {**claims(workspace="wsp_2"), "exp": 4102444800}

    refused(f"{head}.{part(body)}.{signature}")


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", ""])
def test_a_token_without_a_signature_is_refused(algorithm: str) -> None:
    body = part({**claims(), "exp": 4102444800})

    for signature in ("", "AAAA"):
        refused(f"{part({'alg': algorithm, 'typ': 'JWT'})}.{body}.{signature}")


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused() -> None:
    raw = base64.urlsafe_b64decode(SIGNER.public_key)
    public = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(KEY)).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    content = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({**claims(), 'exp': 4102444800})}"
    for secret in (raw, pem, SIGNER.public_key.encode()):
        signature = base64.urlsafe_b64encode(hmac.digest(secret, content.encode(), hashlib.sha256)).decode()
        refused(f"{content}.{signature.rstrip('=')}")


@pytest.mark.parametrize("missing", ["exp", "sub", "aud", "iss", "workspace", "grants"])
def test_a_token_without_one_of_its_claims_is_refused(missing: str) -> None:
    refused(signed(**{missing: None}))


@pytest.mark.parametrize("changes", [{"iss": "somebody"}, {"exp": "soon"}, {"sub": 7}, {"nbf": 4102444800}])
def test_a_token_whose_claims_are_wrong_is_refused(changes: dict[str, Any]) -> None:
    refused(signed(**changes))


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "nonsense", "é.é.é"])
def test_what_is_no_token_is_refused(token: str) -> None:
    refused(token)
