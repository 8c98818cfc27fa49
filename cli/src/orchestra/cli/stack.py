"""The five services as processes on PostgreSQL, RabbitMQ and Redis: what `make stack` runs."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

import asyncpg
import httpx

from orchestra.chassis.http.identity import TokenSigner, new_private_key
from orchestra.chassis.sealing import new_key
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.serve import SERVICES
from orchestra.embedded.host import MASTER_KEYS, master_key

POSTGRES = "postgresql://postgres@127.0.0.1:5432"
RABBITMQ = "amqp://guest:guest@127.0.0.1:5672/"
REDIS = "redis://127.0.0.1:6379/0"
START_S = 60.0
STOP_S = 30.0


async def stack(home: Path, port: int) -> None:
    """Start all five, say when they are ready, and stop them together. Logs are in `<home>/logs`.

    Servers come from ORCHESTRA_POSTGRES_URL (a server: each service gets a database of its own there),
    ORCHESTRA_RABBITMQ_URL and ORCHESTRA_REDIS_URL, else from the local ports. Two stacks on the same servers need
    different ORCHESTRA_DATABASE_PREFIX (`orchestra` by default) and virtual hosts.
    """
    home = home.resolve()
    (home / "logs").mkdir(parents=True, exist_ok=True, mode=0o700)
    postgres = os.environ.get("ORCHESTRA_POSTGRES_URL", POSTGRES).replace("+asyncpg", "")
    prefix = os.environ.get("ORCHESTRA_DATABASE_PREFIX", "orchestra")
    urls = {name: await _database(postgres, f"{prefix}_{name}") for name in SERVICES}
    ports = {name: port + number for number, name in enumerate(SERVICES)}
    environment = _environment(home, ports)
    processes: dict[str, Process] = {}
    tasks: list[asyncio.Task[Any]] = []
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    try:
        for name in SERVICES:
            own = {"ORCHESTRA_DATABASE_URL": urls[name], "ORCHESTRA_HTTP_PORT": str(ports[name])}
            processes[name] = await _spawn(name, {**environment, **own}, home / "logs" / f"{name}.log")
        watching = [asyncio.create_task(_watch(name, each, home)) for name, each in processes.items()]
        waiting = asyncio.create_task(stopping.wait())
        ready = asyncio.create_task(_ready(ports))
        tasks += [*watching, waiting, ready]
        await asyncio.wait([waiting, ready, *watching], return_when=asyncio.FIRST_COMPLETED)
        if ready.done() and not ready.exception():
            print(f"orchestra is ready: http://127.0.0.1:{port}/api/v1 (logs in {home / 'logs'})", flush=True)
            await asyncio.wait([waiting, *watching], return_when=asyncio.FIRST_COMPLETED)
        if not stopping.is_set():
            for task in (*watching, ready):
                if task.done() and (error := task.exception()):
                    raise error
    finally:
        await _stop(processes)
        for task in tasks:
            task.cancel()
        # Services end because they were told to: what their watchers say of it is no news.
        await asyncio.gather(*tasks, return_exceptions=True)


def _environment(home: Path, ports: Mapping[str, int]) -> dict[str, str]:
    secrets = _secrets(home / "stack.json")
    private = secrets["internal_private_key"]
    return {
        **os.environ,
        "ORCHESTRA_RABBITMQ_URL": os.environ.get("ORCHESTRA_RABBITMQ_URL", RABBITMQ),
        "ORCHESTRA_REDIS_URL": os.environ.get("ORCHESTRA_REDIS_URL", REDIS),
        "ORCHESTRA_INTERNAL_PRIVATE_KEY": private,
        "ORCHESTRA_INTERNAL_PUBLIC_KEY": TokenSigner(private).public_key,
        MASTER_KEYS: os.environ.get(MASTER_KEYS) or master_key(home),
        "ORCHESTRA_SEALING_KEYS": secrets["sealing_keys"],
        "ORCHESTRA_ARTIFACTS_DIR": str(home / "stack" / "artifacts"),
        "ORCHESTRA_WORKSPACES_DIR": str(home / "stack" / "workspaces"),
        **{f"ORCHESTRA_{name.upper()}_URL": f"http://127.0.0.1:{ports[name]}" for name in SERVICES},
    }


def _secrets(path: Path) -> dict[str, str]:
    """Made at the first start, and what a newer version needs beside them when it starts."""
    kept: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    made = {"internal_private_key": new_private_key, "sealing_keys": new_key}
    secrets = {name: kept.get(name) or make() for name, make in made.items()}
    if secrets != kept:
        part = path.with_suffix(".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(secrets, file)
        part.rename(path)
    return secrets


async def _database(server: str, name: str) -> str:
    """A service's own database, made if it is not there."""
    try:
        connection = cast("Any", await asyncpg.connect(f"{server}/postgres", timeout=5))  # pyright: ignore[reportUnknownMemberType]
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        where = urlsplit(server)
        raise Stop(Exit.UNAVAILABLE, f"PostgreSQL at {where.hostname}:{where.port or 5432}: {error}") from error
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    return f"{server.replace('postgresql://', 'postgresql+asyncpg://', 1)}/{name}"


async def _spawn(name: str, environment: Mapping[str, str], log: Path) -> Process:
    with log.open("ab") as file:
        command = (sys.executable, "-m", "orchestra.cli.main", "serve", name)
        # A session of its own: Ctrl-C reaches this process alone, which then stops the services in order.
        return await asyncio.create_subprocess_exec(
            *command, env=environment, stdout=PIPE, stderr=file, start_new_session=True
        )


async def _watch(name: str, process: Process, home: Path) -> None:
    """Pass on what a service prints (the gateway's bootstrap key, once). A service that ends ends the stack."""
    assert process.stdout is not None
    async for line in process.stdout:
        print(line.decode().rstrip(), flush=True)
    code = await process.wait()
    with (home / "logs" / f"{name}.log").open("rb") as log:
        raise Stop(Exit.FAILED, f"{name} ended with {code}; the end of its log:\n{_end(log)}")


def _end(log: BinaryIO) -> str:
    log.seek(max(0, log.seek(0, os.SEEK_END) - 2000))
    return log.read().decode(errors="replace")


async def _ready(ports: Mapping[str, int]) -> None:
    async with httpx.AsyncClient(timeout=10) as client:
        reasons: dict[str, str] = dict.fromkeys(ports, "it has not answered")
        try:
            async with asyncio.timeout(START_S):
                while reasons:
                    for name in tuple(reasons):
                        try:
                            report = (await client.get(f"http://127.0.0.1:{ports[name]}/readyz")).json()
                        except (httpx.HTTPError, ValueError):
                            continue
                        if report["ready"]:
                            del reasons[name]
                        else:
                            failing = [f"{n}: {c['reason']}" for n, c in report["checks"].items() if not c["ok"]]
                            reasons[name] = "; ".join(failing)
                    await asyncio.sleep(0.1)
        except TimeoutError as error:
            lines = [f"{name}: {reason}" for name, reason in reasons.items()]
            raise Stop(Exit.UNAVAILABLE, f"not ready within {START_S:g} s", lines) from error


async def _stop(processes: Mapping[str, Process]) -> None:
    alive = [process for process in processes.values() if process.returncode is None]
    for process in alive:
        process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await asyncio.gather(*(process.wait() for process in alive))
    except TimeoutError:
        for process in alive:
            if process.returncode is None:
                process.kill()
