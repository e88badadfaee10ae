"""``hookline serve``: listen for calls."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hookline import __version__
from hookline.cli.context import CommandContext, pass_context
from hookline.cli.examples import curl_for, indent, pick_example
from hookline.cli.listening import Address, claim, is_loopback, resolve
from hookline.cli.messages import warn
from hookline.cli.plugin_option import plugin_option
from hookline.errors import ConfigurationError

if TYPE_CHECKING:
    from hookline.gateway import Gateway

_EPILOG = """\
\b
Examples:
  hookline serve --sandbox                         simulated answers; no upstream key needed
  HOOKLINE_API_KEYS=... hookline serve             answers of the real services
  hookline serve --config hookline.toml --port 0   settings from a file, any free port
"""


@click.command("serve", epilog=_EPILOG)
@click.option("--host", help="Address to listen on; 127.0.0.1 unless set.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@click.option("--workers", type=click.IntRange(1, 256), help="Processes that answer requests.")
@click.option("--threads", type=click.IntRange(1, 4096), help="Calls that one worker runs at the same time.")
@click.option("--sandbox", is_flag=True, help="Send every call to the built-in simulated service.")
@click.option(
    "--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="TOML file with settings."
)
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), help="Least severe line."
)
@plugin_option
@pass_context
def command(
    context: CommandContext,
    host: str | None,
    port: int | None,
    workers: int | None,
    threads: int | None,
    sandbox: bool,
    config: Path | None,
    log_level: str | None,
) -> None:
    """Listen for calls until Ctrl-C or SIGTERM; calls that run are finished first.

    Without any key, neither in HOOKLINE_API_KEYS nor made with `hookline keys create`, one is made for this
    run and shown once, and only this machine is listened to.
    """
    options = {
        "HOOKLINE_CONFIG": str(config.absolute()) if config else None,
        "HOOKLINE_HOST": host,
        "HOOKLINE_PORT": port,
        "HOOKLINE_WORKERS": workers,
        "HOOKLINE_THREADS": threads,
        "HOOKLINE_SANDBOX": "true" if sandbox else None,
        "HOOKLINE_LOG_LEVEL": log_level,
    }
    # The workers read settings themselves, so that options reach them as variables.
    environ = context.environ
    environ.update({name: str(value) for name, value in options.items() if value is not None})
    settings = context.load_settings()
    ip = resolve(settings.server.host)
    new_key = None
    with context.open_gateway() as gateway:  # whatever is wrong shows here, once, and before listening
        if not gateway.has_callers():
            _refuse_strangers(ip)
            new_key = secrets.token_urlsafe(32)
            environ["HOOKLINE_API_KEYS"] = new_key
        address = claim(ip, settings.server.port)
        environ.update(HOOKLINE_HOST=address.host, HOOKLINE_PORT=str(address.port))
        _announce(gateway, address, new_key)
    server_settings = context.load_settings().server

    from hookline.webhook.server import serve

    serve(server_settings)


def _refuse_strangers(ip: str) -> None:
    if not is_loopback(ip):
        raise ConfigurationError(
            f"Without an API key only this machine is listened to, and {ip} can be reached from others.",
            hint="Make one with `hookline keys create`, or set HOOKLINE_API_KEYS to one or more keys: "
            "HOOKLINE_API_KEYS=\"$(python -c 'import secrets; print(secrets.token_urlsafe(32))')\"",
        )


def _announce(gateway: Gateway, address: Address, new_key: str | None) -> None:
    from hookline.engine.catalog import describe

    for missing in gateway.missing_parts():
        warn(f"not ready for calls: {missing.rstrip('.')}.")
    if not gateway.settings.sandbox:
        for title, variable in missing_credentials(gateway):
            warn(
                f"no credential is set for {title}: its calls go out unauthenticated. "
                f"Set {variable}, or use --sandbox for simulated answers."
            )
    if new_key is not None:
        click.echo(
            f"\nNo API key is set. This one holds until you stop; it is shown once:\n\n    {new_key}\n",
            err=True,
        )
    example = pick_example(describe(action) for action in gateway.catalog)
    if example is not None and new_key is not None:
        click.echo("Try it:\n\n" + indent(curl_for(example, url=address.url, key=new_key)) + "\n", err=True)
    count = len(gateway.catalog)
    where = f"http://{address.host}:{address.port}" if ":" not in address.host else address.url
    click.echo(
        f"Hookline {__version__} listens on {where} with {count} action{'' if count == 1 else 's'}"
        f"{', all simulated' if gateway.settings.sandbox else ''}. Ctrl-C ends it.",
        err=True,
    )


def missing_credentials(gateway: Gateway) -> list[tuple[str, str]]:
    """Return title and variable of each connector that takes a credential and has none anywhere."""
    from hookline.connections import look_up

    missing = []
    for id, connection in gateway.connections.items():
        connector = gateway.catalog.connectors[id]
        section = gateway.settings.connections.get(connection.name)
        from_file = section.api_key.get_secret_value() if section and section.api_key else None
        if (
            connector.credential is not None
            and connection.credential_ref is None
            and look_up(connector, "api_key", from_file, gateway.environ)[0] is None
            and not gateway.has_account(id)
        ):
            missing.append((connector.title, f"HOOKLINE_{id.upper()}_API_KEY"))
    return missing
