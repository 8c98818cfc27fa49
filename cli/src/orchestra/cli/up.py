"""All services in one process behind one address."""

import asyncio

import uvicorn

from orchestra.chassis.garbage import collect_seldom
from orchestra.chassis.settings import InvalidSettings
from orchestra.chassis.telemetry.exporting import wanted
from orchestra.chassis.telemetry.logging import configure_logging
from orchestra.chassis.telemetry.metrics import start_metrics
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.serve import config
from orchestra.cli.settings import CliSettings
from orchestra.embedded.host import HomeInUse, Host, HostOptions, host


async def up(settings: CliSettings, address: str, port: int) -> None:
    """The embedded host with its API on a port, until it is told to stop."""
    configure_logging(settings.log_level)
    options = HostOptions(settings.home, back_off_s=settings.back_off_seconds, log_level=settings.log_level)
    try:
        if wanted("metrics"):  # else from the first time that somebody asks: they take memory
            start_metrics("orchestra")
        async with host(options) as made:
            collect_seldom()
            await _serve_host(made, address, port)
    except HomeInUse as error:
        raise Stop(Exit.CONFLICT, str(error)) from error
    except InvalidSettings as error:
        raise Stop(Exit.USAGE, str(error)) from error


async def _serve_host(made: Host, address: str, port: int) -> None:
    # The host runs the services already: the server must not start the gateway a second time.
    server = uvicorn.Server(config(made.app, address, port, lifespan="off"))
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
