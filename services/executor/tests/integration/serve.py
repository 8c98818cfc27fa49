"""The executor as a process of its own, settings from the environment; prints `ready` and serves until SIGTERM."""

import asyncio
import signal

from orchestra.chassis.messaging.in_process import Exchange, InProcessTransport
from orchestra.chassis.runtime import RunningService
from orchestra.chassis.settings import load
from orchestra.chassis.telemetry.logging import configure_logging
from orchestra.executor.service import service
from orchestra.executor.settings import ExecutorSettings


async def main() -> None:
    configure_logging("warning")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    running = RunningService(service, load(ExecutorSettings), lambda _: InProcessTransport(Exchange()))
    async with running.running():
        print("ready", flush=True)  # noqa: T201 - the test waits for it
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
