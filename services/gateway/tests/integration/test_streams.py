"""Watching a workspace: event streams and the feed that they come from."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import cycle

import httpx
import pytest
import uvicorn
from services.gateway.tests.harness import (
    BOOTSTRAP,
    Gateway,
    deliver,
    gateway_running,
    run_changed,
    settings_for,
    until,
)
from services.gateway.tests.streams import take, watching

from orchestra.chassis.database.unit_of_work import Database
from orchestra.chassis.errors import Unavailable
from orchestra.contracts.scheduling import ScheduleRecalculated
from orchestra.gateway.adapters.identify import REMEMBERED
from orchestra.gateway.adapters.work import GatewayWork
from orchestra.gateway.entrypoints import streams


def recalculated(workspace: str, version: int) -> ScheduleRecalculated:
    return ScheduleRecalculated(
        workspace_id=workspace,
        project_id="prj_1",
        sequence=version,
        version=version,
        input_hash="0" * 64,
        cause="a test",
        project_end=None,
        tasks=1,
        moved=0,
        moves=(),
    )


async def test_a_stream_begins_with_what_was_and_goes_on_with_what_comes(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "POLL", 60.0)  # so that only a wake-up can bring the second one
    workspace = await gateway.workspace()
    await gateway.happened(run_changed(workspace, 1))

    async with asyncio.timeout(20), watching(gateway.client()) as stream:
        first = await anext(stream)
        [was] = await take(stream, 1)
        await gateway.happened(recalculated(workspace, 1))
        [comes] = await take(stream, 1)

    assert first.retry == 2000
    assert (was.id, was.event, was.data["run_id"]) == (1, "run.changed.v1", "run_1")
    assert (comes.id, comes.event) == (2, "schedule.recalculated.v1")
    assert comes.data["data"]["version"] == 1
    assert set(comes.data) == {"sequence", "kind", "at", "project_id", "run_id", "data"}


async def test_what_another_process_commits_is_seen_without_a_wake_up(gateway: Gateway) -> None:
    workspace = await gateway.workspace()
    other = Database(gateway.database.url, "gateway", GatewayWork, pool_size=1)
    async with asyncio.timeout(20), watching(gateway.client()) as stream:
        await anext(stream)
        await deliver(other, [run_changed(workspace, 1)])
        [message] = await take(stream, 1)
    await other.close()

    assert message.id == 1


async def test_a_client_that_comes_back_again_and_again_misses_nothing_and_sees_nothing_twice(gateway: Gateway) -> None:
    workspace, counts = await gateway.workspace(), cycle((1, 17, 5, 30, 2))
    seen: list[int] = []

    async def happen() -> None:
        for version in range(1, 121):
            await gateway.happened(recalculated(workspace, version))

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(happen())
        while len(seen) < 120:
            async with watching(gateway.client(), last=seen[-1] if seen else None) as stream:
                some = await take(stream, min(next(counts), 120 - len(seen)))
                seen += [message.id for message in some if message.id is not None]

    assert seen == list(range(1, 121))


async def test_a_run_is_watched_alone(gateway: Gateway) -> None:
    workspace = await gateway.workspace()
    await gateway.happened(run_changed(workspace, 1, "run_1"), run_changed(workspace, 1, "run_2"))
    await gateway.happened(recalculated(workspace, 1))
    await gateway.happened(run_changed(workspace, 2, "run_1"))

    async with asyncio.timeout(20), watching(gateway.client(), "/api/v1/runs/run_1/events") as stream:
        found = await take(stream, 2)
    async with asyncio.timeout(20), watching(gateway.client(), "/api/v1/runs/run_1/events?after=1") as stream:
        later = await take(stream, 1)

    assert [(message.id, message.data["run_id"]) for message in found] == [(1, "run_1"), (4, "run_1")]
    assert [message.id for message in later] == [4]


async def test_a_run_of_which_nothing_is_known_yet_is_the_schedulers_to_know(gateway: Gateway) -> None:
    assert (await gateway.client().get("/api/v1/runs/run_9/events")).status_code == 404

    gateway["scheduler"].says("GET", "/runs/run_9", {"id": "run_9", "status": "accepted"})
    async with asyncio.timeout(20), watching(gateway.client(), "/api/v1/runs/run_9/events") as stream:
        await anext(stream)
        await gateway.happened(run_changed(await gateway.workspace(), 1, "run_9"))
        [message] = await take(stream, 1)
    assert message.data["run_id"] == "run_9"


async def test_a_stream_ends_with_its_key(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "POLL", 0.05)
    client = gateway.client(await gateway.key("read"))
    own = (await client.get("/api/v1/me")).json()["key"]["id"]

    async with asyncio.timeout(20), watching(client) as stream:
        await anext(stream)
        await gateway.client().delete(f"/api/v1/api-keys/{own}")
        gateway.clock.advance(REMEMBERED)
        assert [message async for message in stream if message.id is not None] == []


async def test_a_stream_outlives_a_database_that_is_away(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "POLL", 0.05)
    workspace = await gateway.workspace()
    async with asyncio.timeout(20), watching(gateway.client()) as stream:
        await anext(stream)
        tries = 0

        @asynccontextmanager
        async def away() -> AsyncIterator[None]:
            nonlocal tries
            tries += 1
            raise Unavailable("the database is away")
            yield

        with monkeypatch.context() as broken:
            broken.setattr(gateway.database, "read", away)

            async def was_tried() -> bool:
                return tries > 1

            await until(was_tried)
        await gateway.happened(run_changed(workspace, 1))
        assert len(await take(stream, 1)) == 1


@pytest.mark.parametrize("query", ["?after=-1", "?after=x", "?after=99999999999999999999"])
async def test_a_place_that_cannot_be_is_refused(gateway: Gateway, query: str) -> None:
    assert (await gateway.client().get(f"/api/v1/events{query}")).status_code == 422
    assert (await gateway.client().get(f"/api/v1/feed{query}")).status_code == 422


async def test_a_last_event_id_that_is_no_number_is_refused(gateway: Gateway) -> None:
    answer = await gateway.client().get("/api/v1/events", headers={"last-event-id": "evt_1"})

    assert answer.status_code == 422


async def test_twenty_transactions_at_once_leave_no_gap_and_no_double(gateway: Gateway) -> None:
    workspaces = [await gateway.workspace(), await gateway.workspace("other")]
    deliveries = [[run_changed(workspaces[(n + k) % 2], 1, f"run_{n}_{k}") for k in range(5)] for n in range(20)]

    await asyncio.gather(*(gateway.happened(*events) for events in deliveries))

    for workspace in workspaces:
        async with gateway.database.read() as view:
            items = await view.feed.after(workspace, 0, 1000)
        assert [item.sequence for item in items] == list(range(1, 51))
        assert len({item.run_id for item in items}) == 50


async def test_who_reads_while_others_write_never_sees_a_later_one_before_an_earlier(gateway: Gateway) -> None:
    workspace = await gateway.workspace()
    done = asyncio.Event()

    async def read() -> None:
        while not done.is_set():
            async with gateway.database.read() as view:
                items = await view.feed.after(workspace, 0, 1000)
            assert [item.sequence for item in items] == list(range(1, len(items) + 1))

    async with asyncio.TaskGroup() as group:
        group.create_task(read())
        await asyncio.gather(*(gateway.happened(run_changed(workspace, 1, f"run_{n}")) for n in range(40)))
        done.set()


async def test_an_event_delivered_twice_is_told_once_and_a_late_one_not_at_all(gateway: Gateway) -> None:
    workspace = await gateway.workspace()
    await gateway.happened(run_changed(workspace, 3, status="finished"))
    await gateway.happened(run_changed(workspace, 2, status="running"))

    feed = (await gateway.client().get("/api/v1/feed")).json()["data"]

    assert [(item["sequence"], item["data"]["status"]) for item in feed] == [(1, "finished")]


async def test_an_event_of_no_known_workspace_is_a_dead_letter(gateway: Gateway) -> None:
    await gateway.happened(run_changed("wsp_nowhere", 1), run_changed(await gateway.workspace(), 1))

    [letter] = (await gateway.client().get("/api/v1/dead-letters?service=gateway")).json()["data"]
    assert letter["service"] == "gateway"
    assert "wsp_nowhere" in letter["reason"]
    assert len((await gateway.client().get("/api/v1/feed")).json()["data"]) == 1


async def test_the_feed_comes_in_pages_and_can_be_polled(gateway: Gateway) -> None:
    workspace = await gateway.workspace()
    await gateway.happened(*(run_changed(workspace, 1, f"run_{n % 2}_{n}") for n in range(7)))
    client = gateway.client()

    first = (await client.get("/api/v1/feed?limit=3")).json()
    second = (await client.get(f"/api/v1/feed?limit=3&cursor={first['next_cursor']}")).json()
    polled = (await client.get("/api/v1/feed?after=6")).json()
    one = (await client.get("/api/v1/feed?run_id=run_1_3")).json()

    assert [item["sequence"] for page in (first, second) for item in page["data"]] == [1, 2, 3, 4, 5, 6]
    assert [item["sequence"] for item in polled["data"]] == [7]
    assert polled["next_cursor"] is None
    assert [item["sequence"] for item in one["data"]] == [4]
    other = (await client.get("/api/v1/api-keys?limit=1")).json()
    await gateway.key()
    other = (await client.get("/api/v1/api-keys?limit=1")).json()
    mixed = await client.get(f"/api/v1/feed?cursor={other['next_cursor']}")
    assert (mixed.status_code, mixed.json()["code"]) == (422, "invalid-cursor")


@asynccontextmanager
async def served(gateway: Gateway) -> AsyncIterator[tuple[uvicorn.Server, httpx.AsyncClient]]:
    """The gateway behind a real server on a free port."""
    server = uvicorn.Server(uvicorn.Config(gateway.running.app, port=0, log_config=None, timeout_graceful_shutdown=30))
    serving = asyncio.create_task(server.serve())

    async def is_up() -> bool:
        return server.started or serving.done()

    await until(is_up)
    port = server.servers[0].sockets[0].getsockname()[1]
    headers = {"authorization": f"Bearer {BOOTSTRAP}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=20) as client:
        yield server, client
    server.should_exit = True
    await serving


async def test_over_a_real_connection_a_silent_stream_shows_that_it_lives_and_can_be_resumed(database_url: str) -> None:
    settings = settings_for(database_url, stream_heartbeat_s=0.1)
    async with gateway_running(settings, served=True) as gateway, served(gateway) as (_, client), asyncio.timeout(30):
        workspace = await gateway.workspace()
        async with watching(client) as stream:
            await anext(stream)
            beats = [await anext(stream) for _ in range(2)]
            await gateway.happened(run_changed(workspace, 1))
            [first] = await take(stream, 1)
        await gateway.happened(run_changed(workspace, 2))
        async with watching(client, last=first.id) as stream:
            [second] = await take(stream, 1)

    assert [beat.event for beat in beats] == ["heartbeat"] * 2
    assert beats[0].id is None
    assert beats[0].data["at"]
    assert (first.id, second.id) == (1, 2)


async def test_open_streams_do_not_hold_up_a_stop(database_url: str) -> None:
    settings = settings_for(database_url)
    async with (
        asyncio.timeout(30),
        gateway_running(settings, served=True) as gateway,
        served(gateway) as (server, client),
        watching(client) as stream,
    ):
        await anext(stream)
        server.should_exit = True
        async with asyncio.timeout(5):
            rest = [message async for message in stream]

    assert rest == []
