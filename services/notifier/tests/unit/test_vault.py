"""Secrets of webhooks at rest."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.notifier.adapters.vault import KeyVault, Sealed, read_keys
from orchestra.notifier.adapters.webhook_client import new_secret

OLD, NEW = KeyVault({"1": b"a" * 32}), KeyVault({"2": b"b" * 32, "1": b"a" * 32})
OPEN = KeyVault({})


def test_a_sealed_secret_is_the_same_secret_and_shows_nothing_of_it() -> None:
    secret = new_secret()
    sealed = OLD.seal(secret, "whk_1")

    assert OLD.open(sealed, "whk_1") == secret
    assert secret.removeprefix("whsec_")[:8] not in sealed
    assert OLD.seal(secret, "whk_1") != sealed
    assert len(KeyVault({"abcdefgh": b"a" * 32}).seal(secret, "whk_1")) <= 100, "the column is no longer"


def test_a_newer_key_takes_over_what_is_open_or_under_an_older_one() -> None:
    secret = new_secret()
    for stored in (secret, OLD.seal(secret, "whk_1")):
        resealed = NEW.resealed(stored, "whk_1")
        assert resealed.startswith("sealed:2:")
        assert NEW.open(resealed, "whk_1") == secret
        assert NEW.resealed(resealed, "whk_1") == resealed


def test_what_cannot_be_opened_says_so_and_stays() -> None:
    sealed = NEW.seal(new_secret(), "whk_1")
    for vault, webhook in ((OLD, "whk_1"), (OPEN, "whk_1"), (NEW, "whk_2"), (KeyVault({"2": b"c" * 32}), "whk_1")):
        with pytest.raises(Sealed):
            vault.open(sealed, webhook)
    assert OLD.resealed(sealed, "whk_1") == sealed
    assert OPEN.seal("whsec_x", "whk_1") == OPEN.resealed("whsec_x", "whk_1") == "whsec_x"


@given(st.integers(0, 79), st.sampled_from("ABCxyz019+/"))
def test_a_changed_letter_is_noticed(position: int, letter: str) -> None:
    prefix, version, text = OLD.seal(new_secret(), "whk_1").split(":")
    changed = text[:position] + letter + text[position + 1 :]
    if base64.b64decode(changed) != base64.b64decode(text):
        with pytest.raises(Sealed):
            OLD.open(f"{prefix}:{version}:{changed}", "whk_1")


def test_keys_are_read_newest_first_and_a_fault_shows_none() -> None:
    key = base64.b64encode(b"k" * 32).decode()

    assert list(read_keys(f"2:{key}, 1:{key}")) == ["2", "1"]
    for wrong in (f"1:{key[:-4]}", key, f"1:{key},1:{key}", f":{key}", f"a:b:{key}", "1:x"):
        with pytest.raises(ValueError, match=r"key [12] is not") as refused:
            read_keys(wrong)
        assert key not in str(refused.value)
