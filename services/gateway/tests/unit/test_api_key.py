"""API keys: what a credential proves."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestra.gateway.application.create_api_key import new_credential
from orchestra.gateway.domain.api_key import ApiKey, Credential, check_credential, check_handed_on
from orchestra.gateway.domain.errors import GrantNotHeld, KeyRefused

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINE = new_credential("local")


def kept(credential: Credential = MINE, **more: datetime) -> ApiKey:
    return ApiKey(credential.id, "wsp_1", "mine", ("read",), credential.digest, NOW, **more)


def test_a_credential_can_be_read_back_from_its_text() -> None:
    assert Credential.parse(MINE.text) == MINE
    assert MINE.text.startswith("ork_local_")


def test_no_two_credentials_are_alike_and_their_secrets_are_long() -> None:
    secrets = {new_credential("local").secret for _ in range(100)}

    assert len(secrets) == 100
    assert min(map(len, secrets)) >= 43


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ork",
        "ork_local_abc",
        f"ork_LOCAL_abc_{'s' * 43}",
        f"ork_local_abc_{'s' * 31}",
        f"ork_local_abc_{'s' * 43}\n",
    ],
)
def test_a_text_of_another_form_is_no_credential(text: str) -> None:
    with pytest.raises(KeyRefused):
        Credential.parse(text)


def test_the_right_secret_proves_the_key() -> None:
    assert check_credential(MINE, kept(), NOW) == kept()


@pytest.mark.parametrize(
    "key",
    [
        None,
        kept(Credential("local", MINE.id, "s" * 43)),
        kept(revoked_at=NOW),
        kept(expires_at=NOW),
        kept(expires_at=NOW - timedelta(days=1)),
    ],
    ids=["unknown", "wrong secret", "revoked", "expires now", "expired"],
)
def test_a_credential_that_does_not_hold_is_refused(key: ApiKey | None) -> None:
    with pytest.raises(KeyRefused):
        check_credential(MINE, key, NOW)


def test_a_key_holds_until_it_expires() -> None:
    assert check_credential(MINE, kept(expires_at=NOW + timedelta(microseconds=1)), NOW)


def test_grants_can_only_be_handed_on_by_who_holds_them() -> None:
    check_handed_on(("read",), ("read", "admin"))
    with pytest.raises(GrantNotHeld, match="operator"):
        check_handed_on(("read", "operator"), ("read", "admin"))
