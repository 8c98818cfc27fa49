"""Sealed texts: what only services that share a key can read. AES-256-GCM, bound to what the text is about."""

import base64
import binascii
import hashlib
import os
from typing import Annotated, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import AfterValidator, SecretStr

from orchestra.chassis.errors import Permanent

_KEY = 32
_PIECE = 200_000
"""Bytes: below the 256 KB of an event."""
_NAME, _NONCE = 4, 12
"""Bytes in front of what is sealed."""


class Unsealable(Permanent):
    """It was not sealed by a key that is known here, or not for this, or it was altered."""


class Sealer:
    """Seals with the first key. A key is replaced by putting a new one in front of it on all sides that share it."""

    def __init__(self, keys: str) -> None:
        raw = [base64.urlsafe_b64decode(key) for key in keys.split(",")]
        self._keys = {_name(key): AESGCM(key) for key in raw}
        self._first = _name(raw[0])

    def seal(self, text: str, about: str) -> str:
        """`about` has to be the same when it is opened: a sealed text cannot be put in another's place."""
        nonce = os.urandom(_NONCE)
        sealed = self._keys[self._first].encrypt(nonce, text.encode(), about.encode())
        return base64.b64encode(self._first + nonce + sealed).decode()

    def open(self, sealed: str, about: str) -> str:
        """Raises Unsealable."""
        try:
            raw = base64.b64decode(sealed, validate=True)
            key = self._keys[raw[:_NAME]]
            return key.decrypt(raw[_NAME : _NAME + _NONCE], raw[_NAME + _NONCE :], about.encode()).decode()
        except (binascii.Error, KeyError, InvalidTag, ValueError) as error:
            raise Unsealable from error


def _keys(text: SecretStr) -> SecretStr:
    for key in text.get_secret_value().split(","):
        try:
            raw = base64.b64decode(key, altchars=b"-_", validate=True)
        except binascii.Error:
            raw = b""
        if len(raw) != _KEY:
            raise ValueError("a sealing key is 32 bytes in URL-safe base64; several have commas between them")
    return text


SealingKeys: TypeAlias = Annotated[SecretStr, AfterValidator(_keys)]
"""A setting: keys of 32 bytes in URL-safe base64, with commas between. The first one seals, all of them open."""


def pieces(sealed: str) -> list[str]:
    """What is sealed, in order, cut so that each fits in an event with its envelope."""
    return [sealed[at : at + _PIECE] for at in range(0, len(sealed), _PIECE)]


def new_key() -> str:
    return base64.urlsafe_b64encode(AESGCM.generate_key(256)).decode()


def _name(key: bytes) -> bytes:
    """By it a key is found again; it says nothing about the key."""
    return hashlib.sha256(b"orchestra sealing key " + key).digest()[:_NAME]
