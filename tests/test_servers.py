"""The servers that other tests stand on: found, shared without meeting, cleaned, killed and restarted."""

import subprocess
import sys
from pathlib import Path

import aio_pika
import aiormq
import asyncpg
import pytest
import redis as redis_client
from tests.private_servers import free_port, private_postgres, private_rabbitmq
from tests.servers import Postgres, RabbitMQ, Redis, listens

ROOT = Path(__file__).resolve().parents[1]


async def connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("+asyncpg", ""), timeout=10)


async def publish(url: str, exchange_name: str, key: str) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(exchange_name, ensure=False)
        await exchange.publish(aio_pika.Message(b"x"), key, mandatory=False)


async def test_two_databases_of_one_run_know_nothing_of_each_other(postgres: Postgres) -> None:
    first, second = [await connect(await postgres.create()) for _ in range(2)]
    await first.execute("CREATE TABLE only_here (id int)")

    assert await second.fetchval("SELECT to_regclass('only_here')") is None
    await first.close()
    await second.close()


async def test_databases_are_dropped_at_the_end_even_when_somebody_is_connected(postgres: Postgres) -> None:
    run = Postgres(postgres.dsn)
    url = await run.create()
    open_connection = await connect(url)

    await run.drop_all()

    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await connect(url)
    open_connection.terminate()


async def test_virtual_hosts_of_one_run_know_nothing_of_each_other(rabbitmq: RabbitMQ, virtual_host: str) -> None:
    async with await aio_pika.connect(rabbitmq.url) as here, await aio_pika.connect(virtual_host) as there:
        queue = await (await here.channel()).declare_queue("only_here")

        with pytest.raises(aiormq.exceptions.ChannelNotFoundEntity):
            await (await there.channel()).declare_queue("only_here", passive=True)
        assert queue.name == "only_here"


async def test_a_limited_user_writes_only_the_routing_keys_it_was_given(rabbitmq: RabbitMQ) -> None:
    async with await aio_pika.connect(rabbitmq.url) as connection:
        await (await connection.channel()).declare_exchange("inbound", "topic")
    user = await rabbitmq.user("partner", write="inbound", topics={"inbound": ("^plan\\.requested\\.v1$", "^$")})

    await publish(user.url, "inbound", "plan.requested.v1")
    with pytest.raises(aiormq.exceptions.ChannelAccessRefused):
        await publish(user.url, "inbound", "task.completed.v1")


async def test_virtual_hosts_and_users_are_deleted_at_the_end(rabbitmq: RabbitMQ) -> None:
    run = RabbitMQ(rabbitmq.url, ("rabbitmqctl",))
    user = await run.user("leaver", at=run.url)
    assert user.name in run.ctl_now("list_users")

    run.remove_all()

    assert user.name not in run.ctl_now("list_users")
    while user.url.rpartition("/")[2] in run.ctl_now("list_vhosts"):  # it goes in the background
        pass


def test_keys_are_removed_at_the_end_and_those_of_others_stay(redis: Redis) -> None:
    run = Redis(redis.url)
    with redis_client.Redis.from_url(redis.url) as client:
        client.set(f"{run.prefix}mine", 1, ex=60)
        client.set(f"{redis.prefix}not-mine", 1, ex=60)

        run.remove_all()

        assert not client.exists(f"{run.prefix}mine")
        assert client.exists(f"{redis.prefix}not-mine")


async def test_a_private_postgres_keeps_what_was_committed_before_a_kill() -> None:
    with private_postgres() as server:
        url = await server.create()
        connection = await connect(url)
        await connection.execute("CREATE TABLE kept (id int)")

        server.kill()
        assert not listens("127.0.0.1", server.port)
        server.start()

        again = await connect(url)
        assert await again.fetchval("SELECT count(*) FROM kept") == 0
        await again.close()
        connection.terminate()
    assert not listens("127.0.0.1", server.port)


async def test_a_private_broker_keeps_a_durable_queue_over_a_kill() -> None:
    with private_rabbitmq() as server:
        url = server.url
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("kept", durable=True)
            message = aio_pika.Message(b"x", delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await channel.default_exchange.publish(message, queue.name)
            # That there is a queue is confirmed before it is on the disk.
            await server.ctl("eval", "mnesia:sync_log().")
            server.kill()
        assert not listens("127.0.0.1", server.port)
        server.start()

        async with await aio_pika.connect(url) as connection:
            queue = await (await connection.channel()).get_queue("kept")
            assert (await queue.get(timeout=10)).body == b"x"
    assert not listens("127.0.0.1", server.port)


def run_alone(folder: Path, **env: str) -> str:
    """What pytest prints for one test that wants a PostgreSQL at a port where none is."""
    (folder / "conftest.py").write_text('pytest_plugins = ["tests.servers"]\n')
    (folder / "test_it.py").write_text("def test_it(postgres):\n    assert postgres\n")
    nowhere = f"postgresql://postgres@127.0.0.1:{free_port()}/postgres"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "ORCHESTRA_TEST_POSTGRES": nowhere, **env},
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_a_missing_server_is_said_in_capitals(tmp_path: Path) -> None:
    said = run_alone(tmp_path)

    assert "SERVER MISSING: PostgreSQL does not answer where ORCHESTRA_TEST_POSTGRES points" in said
    assert "1 TESTS DID NOT RUN" in said
    assert "1 skipped" in said


def test_a_missing_server_fails_where_servers_are_required(tmp_path: Path) -> None:
    assert "1 error" in run_alone(tmp_path, ORCHESTRA_REQUIRE_SERVERS="1")
