"""Hookline: the names that plugin authors import.

Everything here is loaded on first use, so that a plugin's `from hookline import hookimpl` costs little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline.action import Action, Batcher, JoiningPresenter, Sample, StreamPresenter
    from hookline.attempt import Attempt, RetryDecision
    from hookline.call import Call
    from hookline.call_options import CallOption
    from hookline.clock import Clock
    from hookline.connection import Connection, Secret
    from hookline.connector import Connector
    from hookline.credential import BasicCredential, CredentialPlacement, OAuth2Credential, QueryCredential
    from hookline.error_rules import ErrorRule
    from hookline.errors import HooklineError
    from hookline.event_stream import EventStream
    from hookline.exports.blueprint import ActionBlueprint, Blueprint
    from hookline.exports.target import ExportTarget
    from hookline.hookspecs import hookimpl
    from hookline.job import Job
    from hookline.limit import Limit, parse_limit
    from hookline.metering import Meter, Reservation
    from hookline.operation import Answer, Link, Operation, Parameter
    from hookline.options import LayeredOptions, PluginOptions
    from hookline.order import Order, Proceed
    from hookline.output import Output
    from hookline.pages import Pages
    from hookline.places import InPlace
    from hookline.principal import Caps, Decision, InboundRequest, KeyLimits, Principal
    from hookline.record import CallRecord, CallWarning
    from hookline.routes import Reply, RouteRegistry, RouteRequest, WireEndpoint, WireFormat, json_reply
    from hookline.sources import Option, Source, SourceRequest
    from hookline.streaming import StreamEvent, StreamOutcome, StreamTransform
    from hookline.upstream import ErrorAnswer, Response, UpstreamRequest, UpstreamResponse
    from hookline.usage import Usage

__version__ = "0.1.0"

__all__ = [
    "Action",
    "ActionBlueprint",
    "Answer",
    "Attempt",
    "BasicCredential",
    "Batcher",
    "Blueprint",
    "Call",
    "CallOption",
    "CallRecord",
    "CallWarning",
    "Caps",
    "Clock",
    "Connection",
    "Connector",
    "CredentialPlacement",
    "Decision",
    "ErrorAnswer",
    "ErrorRule",
    "EventStream",
    "ExportTarget",
    "HooklineError",
    "InPlace",
    "InboundRequest",
    "Job",
    "JoiningPresenter",
    "KeyLimits",
    "LayeredOptions",
    "Limit",
    "Link",
    "Meter",
    "OAuth2Credential",
    "Operation",
    "Option",
    "Order",
    "Output",
    "Pages",
    "Parameter",
    "PluginOptions",
    "Principal",
    "Proceed",
    "QueryCredential",
    "Reply",
    "Reservation",
    "Response",
    "RetryDecision",
    "RouteRegistry",
    "RouteRequest",
    "Sample",
    "Secret",
    "Source",
    "SourceRequest",
    "StreamEvent",
    "StreamOutcome",
    "StreamPresenter",
    "StreamTransform",
    "UpstreamRequest",
    "UpstreamResponse",
    "Usage",
    "WireEndpoint",
    "WireFormat",
    "hookimpl",
    "json_reply",
    "parse_limit",
]

_HOMES = {
    "hookline.action": ("Action", "Batcher", "JoiningPresenter", "Sample", "StreamPresenter"),
    "hookline.attempt": ("Attempt", "RetryDecision"),
    "hookline.call": ("Call",),
    "hookline.call_options": ("CallOption",),
    "hookline.clock": ("Clock",),
    "hookline.connection": ("Connection", "Secret"),
    "hookline.connector": ("Connector",),
    "hookline.credential": (
        "BasicCredential",
        "CredentialPlacement",
        "OAuth2Credential",
        "QueryCredential",
    ),
    "hookline.error_rules": ("ErrorRule",),
    "hookline.errors": ("HooklineError",),
    "hookline.event_stream": ("EventStream",),
    "hookline.exports.blueprint": ("ActionBlueprint", "Blueprint"),
    "hookline.exports.target": ("ExportTarget",),
    "hookline.hookspecs": ("hookimpl",),
    "hookline.job": ("Job",),
    "hookline.limit": ("Limit", "parse_limit"),
    "hookline.metering": ("Meter", "Reservation"),
    "hookline.operation": ("Answer", "Link", "Operation", "Parameter"),
    "hookline.options": ("LayeredOptions", "PluginOptions"),
    "hookline.order": ("Order", "Proceed"),
    "hookline.output": ("Output",),
    "hookline.pages": ("Pages",),
    "hookline.places": ("InPlace",),
    "hookline.principal": ("Caps", "Decision", "InboundRequest", "KeyLimits", "Principal"),
    "hookline.record": ("CallRecord", "CallWarning"),
    "hookline.routes": ("Reply", "RouteRegistry", "RouteRequest", "WireEndpoint", "WireFormat", "json_reply"),
    "hookline.sources": ("Option", "Source", "SourceRequest"),
    "hookline.streaming": ("StreamEvent", "StreamOutcome", "StreamTransform"),
    "hookline.upstream": ("ErrorAnswer", "Response", "UpstreamRequest", "UpstreamResponse"),
    "hookline.usage": ("Usage",),
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
