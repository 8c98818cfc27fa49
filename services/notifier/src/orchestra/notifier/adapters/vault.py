"""Secrets of webhooks at rest: AES-256-GCM under an operator's key, with the key's version beside it.

`sealed:<version>:<base64 of nonce, 32 bytes of secret, tag>`; the webhook's id is authenticated with it, so that no
row's secret can stand in another's. Without a key secrets are stored as they sign.
"""

import base64
import binascii
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = "whsec_"
SEALED = "sealed:"
NONCE = 12


class Sealed(Exception):
    """No key here opens this secret."""


class KeyVault:
    """`keys` are {version: 32 bytes}; the first one seals, all of them open."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {version: AESGCM(key) for version, key in keys.items()}
        self._newest = next(iter(keys), None)

    def seal(self, secret: str, webhook_id: str) -> str:
        if self._newest is None:
            return secret
        nonce, plain = os.urandom(NONCE), base64.b64decode(secret.removeprefix(PREFIX))
        sealed = nonce + self._keys[self._newest].encrypt(nonce, plain, webhook_id.encode())
        return f"{SEALED}{self._newest}:{base64.b64encode(sealed).decode()}"

    def open(self, stored: str, webhook_id: str) -> str:
        """Raises Sealed."""
        if not stored.startswith(SEALED):
            return stored
        version, _, text = stored.removeprefix(SEALED).partition(":")
        if version not in self._keys:
            raise Sealed(f"the secret is sealed under key {version}, which is not in ORCHESTRA_WEBHOOK_SECRET_KEYS")
        sealed = base64.b64decode(text)
        try:
            plain = self._keys[version].decrypt(sealed[:NONCE], sealed[NONCE:], webhook_id.encode())
        except InvalidTag as error:
            raise Sealed(f"the secret was sealed under another key {version}, or changed") from error
        return PREFIX + base64.b64encode(plain).decode()

    def resealed(self, stored: str, webhook_id: str) -> str:
        if self._newest is None or stored.startswith(f"{SEALED}{self._newest}:"):
            return stored
        try:
            return self.seal(self.open(stored, webhook_id), webhook_id)
        except Sealed:
            return stored


def read_keys(text: str) -> dict[str, bytes]:
    """`2:<base64 of 32 bytes>,1:<…>`, the newest first. Raises ValueError that shows no key."""
    keys: dict[str, bytes] = {}
    for number, part in enumerate((part.strip() for part in text.split(",")), start=1):
        version, _, encoded = part.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not version.isalnum() or not version.isascii() or len(version) > 8 or len(key) != 32 or version in keys:
            raise ValueError(f"key {number} is not <version>:<base64 of 32 bytes>, or its version is there already")
        keys[version] = key
    return keys
