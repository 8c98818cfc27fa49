"""`orchestra notify`: who hears what happens, by webhook or by mail."""

from typing import Annotated

import typer

from orchestra.cli.options import AsJson, Config, Gateway, Home, finish, settings_of

KINDS = [
    "run.finished",
    "task.failed",
    "task.waiting",
    "checkpoint.raised",
    "checkpoint.escalated",
    "checkpoint.resolved",
]

app = typer.Typer(help="Who hears what happens, by webhook or by mail.", no_args_is_help=True)

Kinds = Annotated[list[str] | None, typer.Option("--kind", help=f"Several times: {', '.join(KINDS)}; without it all.")]
Description = Annotated[str, typer.Option(help="For those who read the list.")]
Channel = Annotated[str, typer.Argument(metavar="ID", help="Of a webhook (whk_…) or a mail subscription (mls_…).")]


@app.command("ls")
def ls(as_json: AsJson = False, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """All webhooks and mail subscriptions."""
    from orchestra.cli import notify

    finish(notify.ls(settings_of(config, gateway=gateway, home=home), as_json=as_json))


@app.command("add-mail")
def add_mail(
    address: str,
    kind: Kinds = None,
    project: Annotated[str | None, typer.Option(help="Nothing of other projects.")] = None,
    description: Description = "",
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Have mail sent to an address."""
    from orchestra.cli import notify

    body = {"address": address, "kinds": kind or KINDS, "project_id": project, "description": description}
    finish(notify.add(settings_of(config, gateway=gateway, home=home), "/mail-subscriptions", body))


@app.command("add-webhook")
def add_webhook(
    url: str,
    kind: Kinds = None,
    description: Description = "",
    config: Config = None,
    gateway: Gateway = None,
    home: Home = None,
) -> None:
    """Have signed requests sent to a URL. Its secret is shown this once."""
    from orchestra.cli import notify

    body = {"url": url, "kinds": kind or KINDS, "description": description}
    finish(notify.add(settings_of(config, gateway=gateway, home=home), "/webhooks", body))


@app.command("rm")
def rm(channel: Channel, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """End it; its deliveries and their log go with it."""
    from orchestra.cli import notify

    finish(notify.rm(settings_of(config, gateway=gateway, home=home), channel))


@app.command("enable")
def enable(channel: Channel, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """Enable one that was disabled because deliveries failed."""
    from orchestra.cli import notify

    finish(notify.enable(settings_of(config, gateway=gateway, home=home), channel))


@app.command("test")
def send_test(channel: Channel, config: Config = None, gateway: Gateway = None, home: Home = None) -> None:
    """Send a test there, and say what came of the first try."""
    from orchestra.cli import notify

    finish(notify.test(settings_of(config, gateway=gateway, home=home), channel))


@app.command("deliveries")
def deliveries(
    channel: Channel, as_json: AsJson = False, config: Config = None, gateway: Gateway = None, home: Home = None
) -> None:
    """What was sent, every try of it, and what came of it."""
    from orchestra.cli import notify

    finish(notify.deliveries(settings_of(config, gateway=gateway, home=home), channel, as_json=as_json))
