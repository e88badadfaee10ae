"""A service that no plugin was made for: its calls tell whether a plugin keeps to its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline.connector import Connector
from hookline.hookspecs import hookimpl
from hookline.problems import ProblemFormat
from hookline.routes import WireEndpoint
from hookline.testing.script import ScriptedAnswer, make_answer, make_stream

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.routes import RouteRegistry

SAY = "bystander.say"
WIRE_PATH = "/bystander/say"
TEXT = "Ada said: it is 7 o'clock."
_TEXT_FIELD: JsonObject = {"type": "string", "title": "Text", "description": "What is said."}
_INPUT: JsonObject = {
    "type": "object",
    "properties": {"text": _TEXT_FIELD, "stream": {"type": "boolean", "title": "Stream"}},
    "required": ["text"],
    "additionalProperties": False,
}
_OUTPUT: JsonObject = {"type": "object", "properties": {"text": _TEXT_FIELD}, "required": ["text"]}


class _Texts:
    def __init__(self, call: Call) -> None:
        self._texts: list[str] = []

    def feed(self, event: JsonObject) -> list[JsonObject]:
        self._texts.append(str(event.get("text", "")))
        return [{"type": "text", "text": event.get("text", "")}]

    def finish(self) -> JsonObject:
        return {"text": "".join(self._texts)}


class BystanderPlugin:
    """The service: ``bystander.say``, and its own format at ``POST /bystander/say``."""

    def __init__(self) -> None:
        self.connector = Connector(
            "bystander", title="A service of the testing kit", base_url="https://bystander.example/v1"
        )
        self.connector.endpoint(
            "say",
            "POST",
            "/say",
            input=_INPUT,
            output=_OUTPUT,
            stream=_Texts,
            stream_end=b"[DONE]",
            description="Say something; used by conformance suites.",
        )

    @hookimpl
    def hookline_register_routes(self, routes: RouteRegistry) -> None:
        """Add the wire door."""
        routes.add_wire("POST", WIRE_PATH, WireEndpoint(action=SAY, format=ProblemFormat()))


def whole_answer() -> ScriptedAnswer:
    """Return what the service answers in one piece."""
    return make_answer(json={"text": TEXT})


def streamed_answer() -> ScriptedAnswer:
    """Return what the service answers in a stream."""
    return make_stream([{"text": TEXT[:5]}, {"text": TEXT[5:]}], end="[DONE]")
