"""A small service that exists only here, and a command line that knows it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest
from click.testing import CliRunner, Result

from hookline import Call, Connector, Sample, UpstreamRequest, UpstreamResponse, hookimpl
from hookline.cli.context import CommandContext
from hookline.cli.group import build_cli
from hookline.cli.plugin_commands import PluginCommands
from hookline.plugins import PluginHost

if TYPE_CHECKING:
    from hookline.engine.transport import Transport

JsonObject = dict[str, object]
GREET_OUTPUT: JsonObject = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "got": {"type": "object"}},
    "required": ["text"],
}


def greet_input(most_times: int) -> JsonObject:
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "minLength": 1, "description": "Who is greeted."},
            "times": {"type": "integer", "minimum": 1, "maximum": most_times, "description": "How often."},
            "tone": {"enum": ["warm", "cold"], "description": "How it sounds.", "x-advanced": True},
            "extra": {"type": "object"},
            "stream": {"type": "boolean"},
        },
        "required": ["name"],
        "additionalProperties": False,
    }


class Greeting:
    """Presents the stream of a greeting."""

    def __init__(self, call: Call) -> None:
        self._texts: list[str] = []

    def feed(self, event: JsonObject) -> list[JsonObject]:
        self._texts.append(str(event["text"]))
        return [{"type": "text", "text": event["text"]}]

    def finish(self) -> JsonObject:
        return {"text": "".join(self._texts)}


def new_connector(most_times: int) -> Connector:
    connector = Connector("acme", title="Acme", base_url="http://acme.invalid")
    connector.endpoint(
        "greet",
        "POST",
        "/greet",
        title="Greet somebody",
        description="Say hello.",
        input=greet_input(most_times),
        output=GREET_OUTPUT,
        samples=[Sample(title="Ada", input={"name": "Ada"}, output={"text": "Hello Ada"})],
        stream=Greeting,
        stream_end=b"[DONE]",
    )
    connector.endpoint(
        "count",
        "GET",
        "/count",
        title="Count greetings",
        input={"type": "object", "properties": {}, "additionalProperties": False},
        output={"type": "object", "properties": {"total": {"type": "integer"}}},
        read_only=True,
    )
    return connector


class AcmePlugin:
    """Adds the connector."""

    def __init__(self, *, most_times: int = 3) -> None:
        self._most_times = most_times

    @hookimpl
    def hookline_register_connectors(self) -> list[Connector]:
        return [new_connector(self._most_times)]


@dataclass
class AcmeService:
    """Answers what the connector asks, as a transport.

    Attributes:
        status: Status of every answer.
        answers: Body by path, instead of the usual one.
        events: Data of the events of a stream.
        requests: Bodies that arrived.
    """

    status: int = 200
    answers: dict[str, JsonObject] = field(default_factory=dict)
    events: list[bytes] = field(
        default_factory=lambda: [b'{"text": "Hello "}', b'{"text": "Ada"}', b"[DONE]"]
    )
    requests: list[JsonObject] = field(default_factory=list)

    def send(self, request: UpstreamRequest, **_: object) -> UpstreamResponse:
        body = request.body or {}
        self.requests.append(dict(body))
        if body.get("stream") is True:
            return self._respond("text/event-stream", [b"data: " + event + b"\n\n" for event in self.events])
        answer = (
            {"text": f"Hello {body.get('name')}", "got": body} if request.path == "/greet" else {"total": 7}
        )
        return self._respond(
            "application/json", [json.dumps(self.answers.get(request.path, answer)).encode()]
        )

    def close(self) -> None:
        """Nothing is open."""

    def _respond(self, content_type: str, chunks: list[bytes]) -> UpstreamResponse:
        return UpstreamResponse(
            status=self.status, headers=[("content-type", content_type)], chunks=iter(chunks)
        )


@pytest.fixture
def service() -> AcmeService:
    return AcmeService()


Plugins = dict[str, Callable[..., object]]


@pytest.fixture
def plugins() -> Plugins:
    """What makes each plugin; a test may change it before it runs a command."""
    from hookline_auth import AuthPlugin

    return {"auth": AuthPlugin, "acme": AcmePlugin}


@pytest.fixture
def new_host(plugins: Plugins) -> Callable[[], PluginHost]:
    """Make a host with the plugins; each gateway has one of its own."""

    def new_host() -> PluginHost:
        host = PluginHost()
        for name, make in plugins.items():
            host.register(make(), name=name)
        return host

    return new_host


Run = Callable[..., Result]


@pytest.fixture
def run(new_host: Callable[[], PluginHost], service: AcmeService) -> Run:
    """Run the command line in this process with these plugins and their service."""

    def run(
        *arguments: str, environ: Mapping[str, str] | None = None, stdin: str | bytes | None = None
    ) -> Result:
        context = CommandContext(
            environ=dict(environ or {}),
            make_host=lambda _: new_host(),
            transport=cast("Transport", service),
        )
        cli = build_cli(load_commands=PluginCommands)
        return CliRunner().invoke(cli, arguments, obj=context, input=stdin, catch_exceptions=False)

    return run
