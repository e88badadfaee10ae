"""Hookline: the names that plugin authors import.

Everything here is loaded on first use, so that a plugin's `from hookline import hookimpl` costs little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.connection import Connection, Secret
    from hookline.connector import Action, Connector, CredentialPlacement, Sample, StreamPresenter
    from hookline.errors import HooklineError
    from hookline.hookspecs import hookimpl
    from hookline.principal import Decision, InboundRequest, Principal
    from hookline.routes import Reply, RouteRegistry, RouteRequest, WireEndpoint, WireFormat
    from hookline.upstream import ErrorAnswer, Response, UpstreamRequest, UpstreamResponse

__version__ = "0.1.0"

__all__ = [
    "Action",
    "Call",
    "Connection",
    "Connector",
    "CredentialPlacement",
    "Decision",
    "ErrorAnswer",
    "HooklineError",
    "InboundRequest",
    "Principal",
    "Reply",
    "Response",
    "RouteRegistry",
    "RouteRequest",
    "Sample",
    "Secret",
    "StreamPresenter",
    "UpstreamRequest",
    "UpstreamResponse",
    "WireEndpoint",
    "WireFormat",
    "hookimpl",
]

_HOMES = {
    "hookline.call": ("Call",),
    "hookline.connection": ("Connection", "Secret"),
    "hookline.connector": ("Action", "Connector", "CredentialPlacement", "Sample", "StreamPresenter"),
    "hookline.errors": ("HooklineError",),
    "hookline.hookspecs": ("hookimpl",),
    "hookline.principal": ("Decision", "InboundRequest", "Principal"),
    "hookline.routes": ("Reply", "RouteRegistry", "RouteRequest", "WireEndpoint", "WireFormat"),
    "hookline.upstream": ("ErrorAnswer", "Response", "UpstreamRequest", "UpstreamResponse"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
