"""The plugin among others: other connectors, its options, what it costs to import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from hookline.errors import ConfigurationError, StreamInterruptedError
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline_streams import StreamsPlugin
from small_service import (
    CALLER,
    DONE,
    Acme,
    Allow,
    Body,
    Upstream,
    event,
    make_connector,
    say,
    say_on_the_wire,
    streamed,
    whole,
)

if TYPE_CHECKING:
    from hookline import Call
    from hookline.action import JsonObject
    from hookline.order import Order

ROOT = Path(__file__).parents[3]
CUT = StreamInterruptedError("The upstream broke the connection in the middle of its answer.")


class Reader:
    """A presenter that can do no more than it must."""

    def __init__(self, call: Call) -> None:
        self._texts: list[str] = []

    def feed(self, event: JsonObject) -> list[JsonObject]:
        self._texts.append(str(event["text"]))
        return [{"type": "text", "text": event["text"]}]

    def finish(self) -> JsonObject:
        return {"text": "".join(self._texts)}


def orders(*, stream: bool = True) -> list[Order]:
    return [
        say(stream=stream),
        say_on_the_wire(b'{"text": "hi", "stream": true}' if stream else b'{"text": "hi"}'),
    ]


def ask(order: Order, *answers: list[bytes | Exception], **options: Any) -> tuple[bytes, Upstream]:
    """Return what the caller of a small service gets that knows nothing of this plugin."""
    upstream = Upstream(lambda request: streamed(Body(answers[min(len(upstream.sent), len(answers)) - 1])))
    if not answers:
        upstream.answer = lambda request: whole({"text": "whole"})
    host = PluginHost()
    host.register(Acme(make_connector(stream=Reader)), name="acme")  # type: ignore[arg-type]  # it presents
    host.register(Allow(), name="allow")
    host.register(StreamsPlugin(random=lambda: 0.0), name="streams")
    settings = Settings(plugins={"streams": options} if options else {})
    reply = Gateway(settings, host=host, transport=upstream, environ={}).runner.run(CALLER, order)
    return reply.content if isinstance(reply.content, bytes) else b"".join(reply.content), upstream


@pytest.mark.parametrize("order", orders(), ids=["action", "wire"])
def test_stream_of_another_connector_passes(order: Order) -> None:
    content, upstream = ask(order, [event("a"), event("b"), DONE], on_interrupt="continue", internal=True)

    assert b'"a"' in content
    assert content.endswith(DONE) or b'"output"' in content
    assert len(upstream.sent) == 1


@pytest.mark.parametrize("order", orders(), ids=["action", "wire"])
def test_garbage_in_a_stream_of_another_connector_is_noticed(order: Order) -> None:
    content, _ = ask(order, [event("a"), b"data: garbage\n\n", DONE])

    assert b"invalid_upstream_answer" in content
    assert b"garbage" not in content


@pytest.mark.parametrize("order", orders(), ids=["action", "wire"])
def test_stream_of_another_connector_is_started_again_if_nothing_was_delivered(order: Order) -> None:
    content, upstream = ask(order, [CUT], [event("a"), DONE], on_interrupt="continue")

    assert b'"a"' in content
    assert len(upstream.sent) == 2


@pytest.mark.parametrize("order", orders(), ids=["action", "wire"])
def test_stream_of_another_connector_cannot_go_on(order: Order) -> None:
    content, upstream = ask(order, [event("a"), CUT], [event("b"), DONE], on_interrupt="continue")

    assert b"stream_interrupted" in content
    assert len(upstream.sent) == 1


@pytest.mark.parametrize("order", orders(stream=False), ids=["action", "wire"])
def test_action_whose_stream_cannot_be_put_together_is_asked_for_whole(order: Order) -> None:
    content, upstream = ask(order, internal=True)

    assert orjson.loads(content)["text"] == "whole"
    assert b"stream" not in (upstream.sent[0].content or b"").replace(b'"stream":false', b"")


@pytest.mark.parametrize(
    "options",
    [
        {"on_interrupt": "retry"},
        {"max_resumes": -1},
        {"max_resumes": 11},
        {"stall_s": 0},
        {"first_event_s": -1},
        {"first_event_s": "soon"},
        {"no_such": 1},
    ],
)
def test_wrong_option_is_named_when_the_gateway_starts(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"plugins.streams.*{next(iter(options))}"):
        ask(say(), **options)


def test_import_of_the_plugin_loads_nothing_heavy() -> None:
    heavy = ("pydantic", "httpx", "flask", "orjson", "hookline_openai")
    code = f"import sys, hookline_streams; print([name for name in {heavy!r} if name in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=ROOT / "hooks",
    )

    assert done.stdout.strip() == "[]"
