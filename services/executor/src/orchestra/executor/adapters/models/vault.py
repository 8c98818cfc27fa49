"""Secrets at rest: AES-GCM, a data key for each, sealed by a master key that has a version (envelope encryption).

A rotation seals the data keys anew; the secrets themselves stay as they are, and so does the old master key until
nothing is sealed by it any more.
"""

import os
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping

from orchestra.executor.application.models.keys import Sealed

_NONCE = 12
KEY_BYTES = 32
_WRITTEN = re.compile(r"([1-9][0-9]{0,8}):([A-Za-z0-9+/]{43}=)")


class BadMasterKeys(ValueError):
    """Keys are written VERSION:KEY with commas between them; a version is a number, a key the base64 of 32 bytes."""


class CannotOpen(Exception):
    """The master key that this was sealed by is not at hand, or what is stored was altered."""

    code = "sealed-key"


class Vault:
    """`keys` by version; the highest one seals."""

    def __init__(self, keys: Mapping[int, bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise BadMasterKeys((BadMasterKeys.__doc__ or "").strip())
        self._keys = dict(keys)

    @property
    def version(self) -> int:
        return max(self._keys)

    def seal(self, secret: str, about: str) -> Sealed:
        """`about` says what it is the secret of: sealed for one thing, it opens for no other."""
        data_key = os.urandom(KEY_BYTES)
        return Sealed(self.version, self._wrap(data_key, about), _encrypt(data_key, secret.encode(), about))

    def open(self, sealed: Sealed, about: str) -> str:
        """Raises CannotOpen."""
        return _decrypt(self._unwrap(sealed, about), sealed.secret, about).decode()

    def rewrap(self, sealed: Sealed, about: str) -> Sealed:
        """The same secret under the newest master key. Raises CannotOpen."""
        return Sealed(self.version, self._wrap(self._unwrap(sealed, about), about), sealed.secret)

    def _wrap(self, data_key: bytes, about: str) -> bytes:
        return _encrypt(self._keys[self.version], data_key, f"{self.version} {about}")

    def _unwrap(self, sealed: Sealed, about: str) -> bytes:
        if (master := self._keys.get(sealed.version)) is None:
            raise CannotOpen(f"it was sealed by version {sealed.version} of the master key, which is not at hand")
        return _decrypt(master, sealed.data_key, f"{sealed.version} {about}")


def read_master_keys(text: str) -> dict[int, bytes]:
    """Raises BadMasterKeys, which does not repeat what it read."""
    parts = [_WRITTEN.fullmatch(part.strip()) for part in text.split(",")]
    found = {int(part[1]): b64decode(part[2]) for part in parts if part}
    if len(found) < len(parts):
        raise BadMasterKeys((BadMasterKeys.__doc__ or "").strip())
    return found


def new_master_key(version: int = 1) -> str:
    """As it is written."""
    return f"{version}:{b64encode(os.urandom(KEY_BYTES)).decode()}"


def _encrypt(key: bytes, plain: bytes, about: str) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, about.encode())


def _decrypt(key: bytes, sealed: bytes, about: str) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
    except InvalidTag as error:
        raise CannotOpen("what is stored was altered, or belongs to something else") from error
