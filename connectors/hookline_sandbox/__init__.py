"""A simulated OpenAI service, inside the gateway or as a server of its own; and samples of all else."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    import click

    from hookline import Call, UpstreamRequest, UpstreamResponse

_IN_PROCESS = "http://sandbox.invalid"
_SIMULATED = "openai"  # the connector whose service is simulated
_HEADER_PREFIX = "x-sandbox-"
_MOST_URLS = 1024


@hookimpl
def hookline_register_commands(group: click.Group) -> None:
    """Add ``hookline sandbox``."""
    from hookline.cli.later import LaterCommand

    group.add_command(
        LaterCommand(
            "sandbox",
            "hookline_sandbox.commands:sandbox",
            short_help="Run a simulated OpenAI service: no key, no cost, the same answers.",
        )
    )


@hookimpl
def hookline_shape_request(call: Call, request: UpstreamRequest) -> None:
    """Pass the caller's ``x-sandbox-*`` headers on, if it is a sandbox that will read them."""
    if _HEADER_PREFIX not in " ".join(call.headers):
        return
    asked = {name: value for name, value in call.headers.items() if name.startswith(_HEADER_PREFIX)}
    if asked and (_is_in_process(call.connection.base_url) or _is_loopback(call)):
        request.headers.update(asked)


@hookimpl(trylast=True)
def hookline_execute(call: Call, request: UpstreamRequest) -> UpstreamResponse | None:
    """Answer in this process if the connection's base URL is ``http://sandbox.invalid/...``.

    Of other services than OpenAI's only the actions are known: they are answered by their samples and
    schemas. Code runs as it is, and what it runs inside is simulated.
    """
    if not _is_in_process(call.connection.base_url) or call.action.code is not None:
        return None
    if call.action.connector.id != _SIMULATED:
        from hookline_sandbox.by_schema import execute as answer_by_schema

        return answer_by_schema(call, request)
    from hookline_sandbox.in_process import execute

    return execute(call, request)


@lru_cache(maxsize=_MOST_URLS)
def _is_in_process(base_url: str) -> bool:
    return base_url == _IN_PROCESS or base_url.startswith(f"{_IN_PROCESS}/")


def _is_loopback(call: Call) -> bool:
    from ipaddress import ip_address
    from urllib.parse import urlsplit

    host = urlsplit(call.connection.base_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
