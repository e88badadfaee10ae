"""A connector whose schemas hold everything that makes exports stumble, over a service that echoes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from hookline import Connector, Sample, hookimpl
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline_auth import AuthPlugin
from small_service import Sign, Upstream, whole

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest, UpstreamResponse

KEY = "a-key-for-tests-only-0001"
BASE_URL = "https://api.nasty.example/v1"
ORIGIN = "https://api.nasty.example:443"

_SHAPES: dict[str, Any] = {
    "$defs": {
        "Circle": {
            "type": "object",
            "title": "Circle",
            "properties": {"kind": {"const": "circle"}, "radius": {"type": "number", "exclusiveMinimum": 0}},
            "required": ["kind", "radius"],
            "additionalProperties": False,
        },
        "Box": {
            "type": "object",
            "properties": {"kind": {"const": "box"}, "sides": {"prefixItems": [{"type": "number"}] * 3}},
            "required": ["kind"],
        },
        "Name/with~odd characters": {"type": "string", "minLength": 1},
    },
    "type": "object",
    "properties": {
        "shape": {"oneOf": [{"$ref": "#/$defs/Circle"}, {"$ref": "#/$defs/Box"}], "title": "Shape"},
        "either": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        "texts_or_text": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "point": {"enum": [{"x": 0, "y": 0}, {"x": 1, "y": 1}], "title": "Point"},
        "mixed": {"enum": ["a", 1, 1.5, True, None]},
        "only": {"const": 7},
        "name": {"$ref": "#/$defs/Name~1with~0odd%20characters", "title": "Odd name"},
        "both": {
            "allOf": [
                {"properties": {"left": {"type": "string"}}, "required": ["left"]},
                {"properties": {"right": {"type": ["string", "null"]}}},
            ]
        },
        "anything": True,
        "nothing": {"not": {}},
        "untyped": {},
    },
    "required": ["shape"],
    "additionalProperties": False,
}

_TREE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "label": {"type": "string"},
        "left": {"$ref": "#"},
        "right": {"$ref": "#"},
        "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
        "by_name": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Node"}},
        "loop": {"$ref": "#/$defs/Loop"},
    },
    "required": ["label"],
    "$defs": {
        "Node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
                "tree": {"$ref": "#"},
            },
        },
        "Loop": {"$ref": "#/$defs/Loop"},
    },
}

_WIDE: dict[str, Any] = {
    "type": "object",
    "properties": {
        f"field_{number:02}": {
            "type": ["string", "integer", "number", "boolean", "array", "object"][number % 6],
            "title": f"Field {number}",
            "description": "A rather long description of one of very many fields. " * (number % 20),
        }
        for number in range(60)
    },
    "required": ["field_00", "field_01"],
    "additionalProperties": False,
}

_NAMES: dict[str, Any] = {
    "type": "object",
    "properties": {
        "größe": {"type": "number", "title": "Größe", "description": "In Zentimetern, „ungefähr“."},
        "名前": {"type": "string", "title": "名前 🚀"},
        "with space": {"type": "string"},
        "with-dash.and.dot": {"type": "string"},
        "quo\"te's": {"type": "string"},
        "curly {{brace}}": {"type": "string", "default": "{{not a template}}"},
        "double__underscore": {"type": "string"},
        "$ref": {"type": "string", "title": "A field called like a keyword"},
        "$defs": {"type": "object", "properties": {"$ref": {"type": "string"}}},
        "items": {"type": "string"},
        "": {"type": "string", "title": "A field without a name"},
        "<img src=x onerror=alert(1)>": {
            "type": "string",
            "description": "<script>alert(1)</script> **bold**",
        },
        "constructor": {"type": "string"},
        "1st": {"type": "boolean", "default": True},
    },
    "required": ["größe"],
}

_BINARY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file": {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"},
        "raw": {"type": "string", "format": "binary"},
        "url": {"type": "string", "format": "uri", "pattern": "^https://"},
        "when": {"type": "string", "format": "date-time"},
        "day": {"type": "string", "format": "date"},
        "secret": {"type": "string", "format": "password", "writeOnly": True},
    },
    "required": ["file"],
}

_FREE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "settings": {"type": "object", "additionalProperties": True, "title": "Settings"},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
        "by_pattern": {"type": "object", "patternProperties": {"^x-": {"type": "string"}}},
        "numbers": {"type": "array", "items": {"type": "number"}, "maxItems": 3, "uniqueItems": True},
        "matrix": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
        "conditional": {
            "type": "object",
            "if": {"properties": {"a": {"const": 1}}},
            "then": {"required": ["b"]},
            "else": {"required": ["c"]},
            "dependentRequired": {"a": ["b"]},
        },
    },
    "additionalProperties": True,
}


def make_connector() -> Connector:
    """Return the connector ``nasty``."""
    connector = Connector(
        "nasty", title='Nasty & <b>"Co"</b>', base_url=BASE_URL, description="Everything that is hard to say."
    )

    @connector.source("kinds", parameters=["group"])
    def list_kinds(request: object) -> list[tuple[str, str]]:
        return [("a b&c", "Kind „a“"), ('q"uote', "<b>Kind</b>")]

    def add(verb: str, input: dict[str, Any], output: dict[str, Any], **more: Any) -> None:
        connector.endpoint(verb, more.pop("method", "POST"), f"/{verb}", input=input, output=output, **more)

    add("shapes", _SHAPES, _SHAPES)
    add("tree", _TREE, {"$ref": "#/$defs/Node", "$defs": _TREE["$defs"], "properties": {}})
    add("wide", _WIDE, _WIDE, title="Wide " * 30, description="Line one.\n\nLine two. " * 60)
    add("names", _NAMES, _NAMES, description='Quotes " and \\ and <script>alert(1)</script> and {{curly}}.')
    add("binary", _BINARY, _BINARY)
    add("free", _FREE, {"type": "object", "additionalProperties": True})
    add("no_output", {"type": "object"}, {}, read_only=True, method="GET")
    add(
        "any_output",
        {},
        {"type": ["object", "null"], "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        samples=[Sample(title="An a", input={"a": 1}, output={"a": 1})],
    )
    add(
        "picks",
        {
            "type": "object",
            "properties": {
                "kind": {"type": "string", "x-options": "nasty.kinds?group=a%20b%26c", "title": "Kind"},
                "other_kind": {"type": "string", "x-options": "nasty.kinds"},
                "gone": {"type": "string", "x-options": "nasty.no_such_source"},
            },
            "anyOf": [{"required": ["kind"]}, {"required": ["other_kind"]}],
        },
        {"type": "object", "properties": {"kind": {"type": "string"}}, "required": ["kind"]},
        samples=[Sample(title='A "sample"', input={"kind": "a b&c"}, output={"kind": "a b&c"})],
        idempotent=True,
    )
    return connector


class NastyPlugin:
    """The plugin of the connector."""

    def __init__(self) -> None:
        self.connector = make_connector()


def echo(request: UpstreamRequest) -> UpstreamResponse:
    """Answer with what was sent."""
    sent = request.body if request.body is not None else orjson.loads(request.content or b"{}")
    return whole(sent)


class _Account(Sign):
    """Signs for the service; asks nobody else."""

    def __init__(self) -> None:
        super().__init__("s" * 24, origins=[ORIGIN])

    @hookimpl(tryfirst=True)
    def hookline_resolve_credential(self) -> Any:
        return self.secret


def nasty_host(*, with_installed: bool) -> PluginHost:
    """Return a host with the connector, alone with what calls need or beside all that is installed."""
    host = PluginHost()
    if with_installed:
        host.load()
    else:
        from hookline.exports import ExportsPlugin

        host.register(AuthPlugin(), name="auth")
        host.register(ExportsPlugin(), name="exports")
        host.register(_Account(), name="account")
    host.register(NastyPlugin(), name="nasty")
    return host


def nasty_gateway(*, with_installed: bool = False, **settings: Any) -> Gateway:
    """Return a gateway with the connector.

    Alone (the default) its service echoes what it is sent. Beside all that is installed the OpenAI connector
    runs on the sandbox, and nothing carries requests to the nasty service.
    """
    given = Settings.model_validate({"api_keys": [KEY], "sandbox": with_installed, **settings})
    transport = None if with_installed else Upstream(echo)
    return Gateway(given, host=nasty_host(with_installed=with_installed), transport=transport, environ={})
