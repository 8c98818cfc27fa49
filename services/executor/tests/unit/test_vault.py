"""Secrets at rest: opened by what sealed them and for what they were sealed, and by nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestra.executor.adapters.models.vault import (
    BadMasterKeys,
    CannotOpen,
    Vault,
    new_master_key,
    read_master_keys,
)

FIRST, SECOND = read_master_keys(new_master_key(1)), read_master_keys(new_master_key(2))
OLD, BOTH, NEW = Vault(FIRST), Vault(FIRST | SECOND), Vault(SECOND)


@given(st.text(max_size=500))
def test_what_was_sealed_is_opened(secret: str) -> None:
    assert OLD.open(OLD.seal(secret, "it"), "it") == secret


def test_no_secret_is_seen_in_what_is_stored() -> None:
    sealed = OLD.seal("a canary", "it")

    assert b"canary" not in sealed.secret + sealed.data_key
    assert OLD.seal("a canary", "it") != sealed


def test_it_opens_for_nothing_else() -> None:
    with pytest.raises(CannotOpen):
        OLD.open(OLD.seal("x", "one thing"), "another")


@pytest.mark.parametrize("part", ["secret", "data_key"])
def test_what_was_altered_does_not_open(part: str) -> None:
    sealed = OLD.seal("x", "it")
    altered = bytearray(getattr(sealed, part))
    altered[-1] ^= 1

    with pytest.raises(CannotOpen):
        OLD.open(replace(sealed, **{part: bytes(altered)}), "it")


def test_a_rotation_needs_the_old_key_once() -> None:
    sealed = OLD.seal("x", "it")
    with pytest.raises(CannotOpen, match="version 1"):
        NEW.open(sealed, "it")

    rewrapped = BOTH.rewrap(sealed, "it")

    assert (rewrapped.version, rewrapped.secret) == (2, sealed.secret)
    assert NEW.open(rewrapped, "it") == "x"
    with pytest.raises(CannotOpen):
        OLD.open(rewrapped, "it")


@pytest.mark.parametrize(
    "text", ["", "1", "1:short", f"x:{'A' * 43}=", f"1:{'A' * 43}=,", f"0:{'A' * 43}=", "1:" + "A" * 44]
)
def test_what_is_no_master_key_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadMasterKeys) as bad:
        read_master_keys(text)

    assert text == "" or len(text) < 3 or text not in str(bad.value)
