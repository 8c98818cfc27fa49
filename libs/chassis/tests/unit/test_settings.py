"""Settings are complete and right at the start, or every fault is told at once."""

import pytest

from orchestra.chassis.http.identity import TokenSigner, new_private_key
from orchestra.chassis.settings import InvalidSettings, ServiceSettings, load

GOOD = {
    "ORCHESTRA_DATABASE_URL": "postgresql+asyncpg://me:hidden@db/example",
    "ORCHESTRA_INTERNAL_PUBLIC_KEY": TokenSigner(new_private_key()).public_key,
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("DATABASE_URL", "INTERNAL_PUBLIC_KEY", "HTTP_PORT", "LOG_LEVEL", "RABBITMQ_URL", "REDIS_URL"):
        monkeypatch.delenv(f"ORCHESTRA_{name}", raising=False)
    return monkeypatch


def test_what_is_given_is_read_and_the_rest_has_defaults(environment: pytest.MonkeyPatch) -> None:
    for name, value in {**GOOD, "ORCHESTRA_HTTP_PORT": "9000", "ORCHESTRA_SOMETHING_ELSE": "1"}.items():
        environment.setenv(name, value)

    settings = load(ServiceSettings)

    assert (settings.http_port, settings.log_level, settings.rabbitmq_url) == (9000, "info", None)


def test_all_faults_are_told_at_once_and_no_value(environment: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ORCHESTRA_DATABASE_URL": "mysql://me:hidden@db/example",
        "ORCHESTRA_HTTP_PORT": "70000",
        "ORCHESTRA_LOG_LEVEL": "loud",
        "ORCHESTRA_RABBITMQ_URL": "http://me:hidden@broker/",
        "ORCHESTRA_REDIS_URL": "tcp://me:hidden@cache/",
    }.items():
        environment.setenv(name, value)

    with pytest.raises(InvalidSettings) as raised:
        load(ServiceSettings)

    told = str(raised.value)
    for name in ("DATABASE_URL", "HTTP_PORT", "LOG_LEVEL", "RABBITMQ_URL", "REDIS_URL", "INTERNAL_PUBLIC_KEY"):
        assert f"ORCHESTRA_{name}: " in told
    assert "hidden" not in told


@pytest.mark.parametrize("key", ["", "short", "*" * 44, "A" * 45])
def test_a_key_that_is_none_is_found_at_the_start(key: str, environment: pytest.MonkeyPatch) -> None:
    for name, value in {**GOOD, "ORCHESTRA_INTERNAL_PUBLIC_KEY": key}.items():
        environment.setenv(name, value)

    with pytest.raises(InvalidSettings, match="ORCHESTRA_INTERNAL_PUBLIC_KEY"):
        load(ServiceSettings)
