"""The first start."""

import pytest
from services.gateway.tests.fakes import FakeUnit

from orchestra.gateway.application.bootstrap import bootstrap
from orchestra.gateway.application.create_api_key import new_credential
from orchestra.gateway.domain.api_key import GRANTS, Credential
from orchestra.gateway.domain.errors import KeyTaken


async def test_the_first_start_makes_a_workspace_and_a_key_with_every_grant() -> None:
    unit = FakeUnit()

    made = await bootstrap(unit, "local", None)

    assert made is not None
    key = unit.keys[made.id]
    assert (key.workspace_id, key.grants) == (unit.workspaces["default"], GRANTS)
    assert made.text.startswith("ork_local_")


async def test_a_second_start_shows_nothing_and_makes_nothing() -> None:
    unit = FakeUnit()
    await bootstrap(unit, "local", None)

    assert await bootstrap(unit, "local", None) is None
    assert len(unit.keys) == 1


async def test_a_given_key_is_taken_and_not_shown() -> None:
    unit, given = FakeUnit(), new_credential("local")

    assert await bootstrap(unit, "local", given) is None
    assert await bootstrap(unit, "local", given) is None
    assert list(unit.keys) == [given.id]


async def test_a_given_key_opens_a_gateway_that_began_without_one() -> None:
    unit, given = FakeUnit(), new_credential("local")
    await bootstrap(unit, "local", None)

    await bootstrap(unit, "local", given)

    assert unit.keys[given.id].workspace_id == unit.workspaces["default"]


async def test_a_revoked_bootstrap_key_stays_revoked() -> None:
    unit, given = FakeUnit(), new_credential("local")
    await bootstrap(unit, "local", given)
    await unit.keys.revoke(unit.workspaces["default"], given.id)

    await bootstrap(unit, "local", given)

    assert unit.keys[given.id].revoked_at is not None


async def test_a_key_with_the_id_of_another_is_an_error() -> None:
    unit, given = FakeUnit(), new_credential("local")
    await bootstrap(unit, "local", given)

    with pytest.raises(KeyTaken):
        await bootstrap(unit, "local", Credential("local", given.id, "s" * 43))
