"""Who may: API keys, grants, workspaces."""

from datetime import timedelta

import pytest
from services.gateway.tests.harness import BOOTSTRAP, ON_SQLITE, Gateway, deliver, run_changed
from sqlalchemy import select

from orchestra.chassis.database.tables import IDEMPOTENCY
from orchestra.gateway.adapters.identify import REMEMBERED
from orchestra.gateway.adapters.tables import API_KEY
from orchestra.gateway.domain.api_key import GRANTS
from orchestra.gateway.entrypoints.routes import FORWARDED

OWN = (
    ("GET", "/me", None),
    ("GET", "/projects/{project_id}/export", "read"),
    ("POST", "/projects/{project_id}/archive", "write"),
    ("POST", "/projects/{project_id}/unarchive", "write"),
    ("GET", "/attempts/{attempt_id}/output", "read"),
    ("GET", "/runs/{run_id}/output", "read"),
    ("POST", "/api-keys", "admin"),
    ("GET", "/api-keys", "admin"),
    ("GET", "/api-keys/{key_id}", "admin"),
    ("DELETE", "/api-keys/{key_id}", "admin"),
    ("POST", "/projects/{project_id}/plans", "write"),
    ("GET", "/operations/{operation_id}", "read"),
    ("GET", "/events", "read"),
    ("GET", "/runs/{run_id}/events", "read"),
    ("GET", "/feed", "read"),
    ("GET", "/inbound", "read"),
    ("GET", "/inbound/users", "admin"),
    ("PUT", "/inbound/users/{broker_user}", "admin"),
    ("DELETE", "/inbound/users/{broker_user}", "admin"),
    ("GET", "/system", "operator"),
    ("GET", "/dead-letters", "operator"),
    ("GET", "/dead-letters/{service}/{letter_id}", "operator"),
    ("POST", "/dead-letters/{service}/{letter_id}/replay", "operator"),
)
"""The gateway's own routes with the grant of each."""

ROUTES = (*OWN, *((route.method, route.path, route.grant) for route in FORWARDED))


def spelt(path: str) -> str:
    return "/api/v1" + path.replace("{", "").replace("}", "")


async def test_every_route_of_the_api_stands_in_this_matrix(gateway: Gateway) -> None:
    paths = gateway.running.app.openapi()["paths"].items()
    own = {(method.upper(), path) for path, operations in paths for method in operations if path.startswith("/api/v1/")}

    assert own == {(method, f"/api/v1{path}") for method, path, _ in OWN}


async def test_nobody_gets_in_without_a_key_or_without_the_grant(gateway: Gateway) -> None:
    anonymous = gateway.client(None)
    without = {
        grant: gateway.client(await gateway.key(*(other for other in GRANTS if other != grant))) for grant in GRANTS
    }

    for method, path, grant in ROUTES:
        assert (await anonymous.request(method, spelt(path))).status_code == 401, path
        if grant is not None:
            assert (await without[grant].request(method, spelt(path))).status_code == 403, path
    assert not any(upstream.received for upstream in gateway.upstreams.values())


@ON_SQLITE
@pytest.mark.parametrize(
    "credential",
    [
        "ork_test_0123456789abcdef_" + "t" * 43,
        "ork_test_00000000000000ff_" + "s" * 43,
        "ork_test_0123456789abcdef",
        "not-a-key",
        "ork_test_0123456789abcdef_" + "s" * 43 + "x",
        "é",
    ],
)
async def test_a_wrong_key_is_refused_without_saying_what_was_wrong(gateway: Gateway, credential: str) -> None:
    headers = {"authorization": f"Bearer {credential}".encode()}
    answer = await gateway.client(None).get("/api/v1/me", headers=headers)

    assert answer.status_code == 401
    assert answer.json()["detail"] == "The API key does not hold: it is unknown, revoked or expired."


async def test_another_scheme_than_bearer_is_refused(gateway: Gateway) -> None:
    answer = await gateway.client(None).get("/api/v1/me", headers={"authorization": f"Basic {BOOTSTRAP}"})

    assert answer.status_code == 401


async def test_me_says_whose_key_it_is(gateway: Gateway) -> None:
    me = (await gateway.client().get("/api/v1/me")).json()

    assert me["workspace"] == {"id": await gateway.workspace(), "name": "default"}
    assert me["grants"] == ["read", "write", "operator", "admin"]
    assert me["key"]["name"] == "bootstrap"


async def test_a_new_key_is_shown_once_and_only_its_hash_is_kept(gateway: Gateway) -> None:
    body, headers = {"name": "ci", "grants": ["read"]}, {"idempotency-key": "once"}
    created = await gateway.client().post("/api/v1/api-keys", json=body, headers=headers)
    again = await gateway.client().post("/api/v1/api-keys", json=body, headers=headers)

    assert created.status_code == 201
    key = created.json()
    assert key["key"].startswith("ork_test_")
    assert created.headers["location"] == f"/api/v1/api-keys/{key['id']}"
    assert again.json() == {**key, "key": None}
    assert again.headers["idempotent-replayed"] == "true"
    secret = key["key"].split("_", 3)[3]
    async with gateway.database.read() as view:
        kept = [str(tuple(row)) for t in (API_KEY, IDEMPOTENCY) for row in await view.connection.execute(select(t))]
    assert kept
    assert not any(secret in row for row in kept)
    assert (await gateway.client(key["key"]).get("/api/v1/me")).json()["grants"] == ["read"]
    listed = (await gateway.client().get("/api/v1/api-keys")).json()["data"]
    assert [each["name"] for each in listed] == ["bootstrap", "ci"]
    assert not any("key" in each for each in listed)


async def test_a_key_cannot_make_a_mightier_one(gateway: Gateway) -> None:
    admin = gateway.client(await gateway.key("admin"))

    answer = await admin.post("/api/v1/api-keys", json={"name": "more", "grants": ["admin", "write"]})

    assert answer.status_code == 403
    assert answer.json()["code"] == "not-granted"


async def test_a_revoked_key_opens_nothing_at_once(gateway: Gateway) -> None:
    credential = await gateway.key("read", "admin")
    client = gateway.client(credential)
    own = (await client.get("/api/v1/me")).json()["key"]["id"]

    assert (await gateway.client().delete(f"/api/v1/api-keys/{own}")).status_code == 204

    assert (await client.get("/api/v1/me")).status_code == 401
    assert (await gateway.client().get(f"/api/v1/api-keys/{own}")).json()["revoked_at"]
    assert (await gateway.client().delete(f"/api/v1/api-keys/{own}")).status_code == 204


async def test_a_revocation_elsewhere_is_noticed_within_seconds(gateway: Gateway) -> None:
    client = gateway.client(await gateway.key("read"))
    own = (await client.get("/api/v1/me")).json()["key"]["id"]
    async with gateway.database.begin() as work:
        await work.keys.revoke(await work.workspaces.id_of("default"), own)

    gateway.clock.advance(REMEMBERED)

    assert (await client.get("/api/v1/me")).status_code == 401
    assert timedelta(seconds=5) > REMEMBERED


async def test_an_expired_key_opens_nothing_however_lately_it_was_used(gateway: Gateway) -> None:
    client = gateway.client(await gateway.key(expires_at=gateway.clock.now() + timedelta(seconds=1)))
    assert (await client.get("/api/v1/me")).status_code == 200

    gateway.clock.advance(timedelta(seconds=1))

    assert (await client.get("/api/v1/me")).status_code == 401


async def test_a_key_that_has_expired_already_is_not_made(gateway: Gateway) -> None:
    body = {"name": "late", "grants": ["read"], "expires_at": gateway.clock.now().isoformat()}

    assert (await gateway.client().post("/api/v1/api-keys", json=body)).status_code == 422


async def test_what_belongs_to_another_workspace_does_not_exist(gateway: Gateway) -> None:
    stranger = gateway.client(await gateway.key(workspace="other"))
    own = (await gateway.client().get("/api/v1/me")).json()["key"]["id"]
    await gateway.project()
    accepted = (
        await gateway.client().post("/api/v1/projects/prj_1/plans", json={"document": "x", "document_name": "x.md"})
    ).json()
    await deliver(gateway.database, [run_changed(await gateway.workspace(), 1)])

    for method, path in (
        ("GET", f"/api-keys/{own}"),
        ("DELETE", f"/api-keys/{own}"),
        ("GET", f"/operations/{accepted['operation_id']}"),
        ("GET", f"/plans/{accepted['plan_id']}"),
        ("GET", "/runs/run_1/events"),
    ):
        assert (await stranger.request(method, f"/api/v1{path}")).status_code == 404, path
    assert (await stranger.get("/api/v1/feed")).json()["data"] == []
    assert [key["name"] for key in (await stranger.get("/api/v1/api-keys")).json()["data"]] == ["a key"]
    assert (await gateway.client().get("/api/v1/me")).status_code == 200


async def test_keys_come_in_pages(gateway: Gateway) -> None:
    for _ in range(4):
        await gateway.key("read")
    first = (await gateway.client().get("/api/v1/api-keys?limit=3")).json()
    second = (await gateway.client().get(f"/api/v1/api-keys?limit=3&cursor={first['next_cursor']}")).json()

    ids = [key["id"] for page in (first, second) for key in page["data"]]
    assert len(set(ids)) == 5
    assert second["next_cursor"] is None
    bad = await gateway.client().get("/api/v1/api-keys?cursor=made-up")
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid-cursor")
