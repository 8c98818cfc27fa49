"""One service as a process of its own, on the broker; and all of them in one process behind one address."""

import asyncio
import gc
import importlib
from typing import Any

import uvicorn

from orchestra.chassis.runtime import RunningService, on_rabbit
from orchestra.chassis.service import Service
from orchestra.chassis.settings import InvalidSettings, load
from orchestra.chassis.telemetry.exporting import wanted
from orchestra.chassis.telemetry.logging import configure_logging
from orchestra.chassis.telemetry.metrics import start_metrics
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.settings import CliSettings
from orchestra.embedded.host import HomeInUse, Host, HostOptions, host

SERVICES = ("gateway", "planner", "scheduler", "executor", "notifier")


def serve(name: str) -> None:
    """Run a service until it is told to stop. Its settings come from the environment."""
    if name not in SERVICES:
        raise Stop(Exit.USAGE, f"there is no service {name}; there are {', '.join(SERVICES)}")
    service: Service[Any, Any] = importlib.import_module(f"orchestra.{name}.service").service
    try:
        settings = load(service.settings)
        if settings.rabbitmq_url is None:
            raise InvalidSettings("settings are missing or wrong:\n  ORCHESTRA_RABBITMQ_URL: Field required")
        configure_logging(settings.log_level)
        start_metrics(name)
        running = RunningService(service, settings, on_rabbit(service, settings.rabbitmq_url))
    except InvalidSettings as error:
        raise Stop(Exit.USAGE, str(error)) from error
    _collect_seldom()
    server = uvicorn.Server(_config(running.app, settings.http_host, settings.http_port))
    server.run()
    if not server.started:
        raise Stop(Exit.UNAVAILABLE, f"{name} could not start: see its log")


def _collect_seldom() -> None:
    """What is loaded stays, and need not be looked through for garbage again; nor is each event a reason to look."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 50)


async def up(settings: CliSettings, address: str, port: int) -> None:
    """The embedded host with its API on a port, until it is told to stop."""
    configure_logging(settings.log_level)
    options = HostOptions(settings.home, back_off_s=settings.back_off_seconds, log_level=settings.log_level)
    try:
        if wanted("metrics"):  # else from the first time that somebody asks: they take memory
            start_metrics("orchestra")
        async with host(options) as made:
            await _serve_host(made, address, port)
    except HomeInUse as error:
        raise Stop(Exit.CONFLICT, str(error)) from error
    except InvalidSettings as error:
        raise Stop(Exit.USAGE, str(error)) from error


async def _serve_host(made: Host, address: str, port: int) -> None:
    # The host runs the services already: the server must not start the gateway a second time.
    server = uvicorn.Server(_config(made.app, address, port, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.02)
    if server.started:
        bound = server.servers[0].sockets[0].getsockname()[1]
        print(f"orchestra is up: http://{address}:{bound}/api/v1 (Ctrl-C stops it, nothing is lost)", flush=True)
        print(
            f"API key: in {made.options.home / 'credentials'}; export it as ORCHESTRA_API_KEY to use --gateway",
            flush=True,
        )
    await serving
    if not server.started:
        raise Stop(Exit.UNAVAILABLE, f"port {port} on {address} cannot be used")


def _config(app: Any, address: str, port: int, **more: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app, address, port, log_config=None, access_log=False, timeout_graceful_shutdown=6, loop="uvloop", **more
    )
