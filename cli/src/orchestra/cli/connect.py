"""To a gateway, or to services in this process: the same API either way."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from orchestra.cli.api import Api
from orchestra.cli.exits import Exit, Stop
from orchestra.cli.settings import CliSettings


@asynccontextmanager
async def connected(settings: CliSettings) -> AsyncGenerator[Api]:
    """The API of the gateway that the settings name, else of an embedded host that lives as long as the block."""
    if settings.gateway is None:
        from orchestra.chassis.garbage import collect_seldom
        from orchestra.chassis.settings import InvalidSettings
        from orchestra.chassis.telemetry.logging import configure_logging
        from orchestra.embedded.host import HomeInUse, HostOptions, host

        configure_logging(settings.log_level)
        options = HostOptions(settings.home, back_off_s=settings.back_off_seconds, log_level=settings.log_level)
        try:
            async with host(options) as made:
                collect_seldom()
                yield Api(made.client)
        except HomeInUse as error:
            running = f"{error}; if that is `orchestra up`, add --gateway with the address it printed"
            raise Stop(Exit.CONFLICT, running) from error
        except InvalidSettings as error:
            raise Stop(Exit.USAGE, str(error)) from error
    else:
        import httpx

        if not settings.api_key:
            raise Stop(Exit.USAGE, "a gateway needs an API key: set ORCHESTRA_API_KEY")
        headers = {"Authorization": f"Bearer {settings.api_key}"}
        async with httpx.AsyncClient(base_url=settings.gateway.rstrip("/"), headers=headers, timeout=60) as client:
            yield Api(client)
