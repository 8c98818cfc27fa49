"""One service as a process of its own, on the broker. It loads no other one."""

import importlib
from typing import Any

import uvicorn

from orchestra.chassis.garbage import collect_seldom
from orchestra.chassis.runtime import RunningService, on_rabbit
from orchestra.chassis.service import Service
from orchestra.chassis.settings import InvalidSettings, load
from orchestra.chassis.telemetry.logging import configure_logging
from orchestra.chassis.telemetry.metrics import start_metrics
from orchestra.cli.exits import Exit, Stop

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
    collect_seldom()
    server = uvicorn.Server(config(running.app, settings.http_host, settings.http_port))
    server.run()
    if not server.started:
        raise Stop(Exit.UNAVAILABLE, f"{name} could not start: see its log")


def config(app: Any, address: str, port: int, **more: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app, address, port, log_config=None, access_log=False, timeout_graceful_shutdown=6, loop="uvloop", **more
    )
