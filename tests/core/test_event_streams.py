"""Streams that are told by declaration: piece by piece, put together, and with errors inside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from declared_lab import ANY, Run, fields, go
from hookline import Connector, ErrorRule, EventStream, UpstreamRequest, UpstreamResponse
from hookline.action import JoiningPresenter
from hookline.errors import ConfigurationError, InvalidUpstreamAnswerError
from hookline.event_presenter import EventPresenter
from hookline.order import Order
from hookline.settings import Settings
from small_service import CALLER, Body, make_gateway, streamed, whole

STREAM = EventStream(text="delta.text", output="{model: model, tokens: usage.out}")


def events(*datas: Any, end: bytes = b"data: [DONE]\n\n") -> Body:
    parts = [b"data: " + orjson.dumps(data) + b"\n\n" for data in datas]
    return Body([b"".join([*parts, end])])


HELLO = [
    {"delta": {"text": "Hel"}, "model": "m"},
    {"delta": {}},
    {"delta": {"text": "lo"}},
    {"usage": {"out": 2}, "model": None},
]


def ask(wants_stream: bool | None, answer: Any, **declared: Any) -> Run:
    given = {"q": "hi"} if wants_stream is None else {"q": "hi", "stream": wants_stream}
    declared.setdefault("stream", STREAM)
    return go(given, answer=answer, input=fields("q"), **declared)


def told(run: Run) -> list[Any]:
    return [orjson.loads(line[6:]) for line in run.content.split(b"\n\n") if line.startswith(b"data: ")]


def test_a_stream_is_asked_for_and_told_piece_by_piece() -> None:
    run = ask(True, lambda request: streamed(events(*HELLO)))

    assert run.request.body == {"q": "hi", "stream": True}
    assert run.request.headers["accept"] == "text/event-stream"
    assert told(run) == [
        {"type": "text", "text": "Hel"},
        {"type": "text", "text": "lo"},
        {"type": "output", "output": {"model": "m", "tokens": 2, "text": "Hello", "warnings": []}},
    ]


@pytest.mark.parametrize("wants_stream", [False, None])
def test_without_the_wish_there_is_a_plain_answer(wants_stream: bool | None) -> None:
    run = ask(wants_stream, lambda request: whole({"said": "Hello"}), pick="{text: said}")

    assert run.request.body == {"q": "hi"}
    assert run.request.headers["accept"] == "application/json"
    assert (run.status, run.json) == (200, {"text": "Hello"})


def test_a_service_that_always_streams_is_put_together_for_who_wants_no_stream() -> None:
    stream = EventStream(text="delta.text", output="{model: model}", ask=())

    run = ask(None, lambda request: streamed(events(*HELLO)), stream=stream, pick="{never: used}")

    assert run.request.body == {"q": "hi"}
    assert (run.status, run.json) == (200, {"model": "m", "text": "Hello"})


def test_a_stream_may_be_asked_for_in_the_query() -> None:
    stream = EventStream(text="t", ask=(("mode", "sse"),), into="said", end=None)

    run = ask(True, lambda request: streamed(events({"t": "a"}, end=b"")), stream=stream, method="GET")

    assert run.request.path == "/go?q=hi&mode=sse"
    assert told(run)[-1]["output"] == {"said": "a", "warnings": []}


def test_a_stream_that_breaks_is_told_inside_it() -> None:
    run = ask(True, lambda request: streamed(events(HELLO[0], end=b"")))

    assert told(run)[0] == {"type": "text", "text": "Hel"}
    assert told(run)[-1]["error"]["code"] == "stream_interrupted"


def test_an_error_inside_a_stream_means_what_the_rules_say() -> None:
    rule = ErrorRule(kind="quota", when="error.code == 'no_credit'", message="error.text")
    body = events(HELLO[0], {"error": {"code": "no_credit", "text": "Pay first"}})

    run = ask(True, lambda request: streamed(body), errors=[rule])

    assert told(run)[-1]["error"]["code"] == "insufficient_quota"
    assert told(run)[-1]["error"]["message"].startswith("Pay first")


@pytest.mark.parametrize("data", [{"delta": {"text": 7}}, {"delta": "x"}, {}, {"delta": {"text": None}}])
def test_events_without_text_add_none(data: Any) -> None:
    run = ask(True, lambda request: streamed(events(data)))

    assert told(run) == [{"type": "output", "output": {"text": "", "warnings": []}}]


def test_it_can_be_joined() -> None:
    presenter = EventPresenter(STREAM, where="crm.go")

    assert isinstance(presenter, JoiningPresenter)


def test_the_field_that_asks_for_a_stream_is_added_to_the_input() -> None:
    from declared_lab import declare

    added: Any = declare(input=fields("q"), stream=STREAM).actions["crm.go"].input_schema
    own = fields("q", stream={"type": "boolean", "title": "Live"})
    kept = declare(input=own, stream=STREAM).actions["crm.go"].input_schema
    referred: dict[str, Any] = {"$ref": "#/$defs/In", "$defs": {"In": fields("q")}}
    resolved: Any = declare(input=referred, stream=STREAM).actions["crm.go"].input_schema

    field = added["properties"]["stream"]
    assert (field["type"], field["default"], field["x-advanced"]) == ("boolean", False, True)
    assert kept is own
    assert set(resolved["properties"]) == {"q", "stream"}
    assert resolved["$defs"] == referred["$defs"]


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"stream": EventStream(text="a[")}, r"crm.go: stream.text: 'a\[' is not JMESPath"),
        ({"stream": STREAM, "stream_end": b"x"}, "`stream_end`: the EventStream says how it ends"),
        ({"stream": STREAM, "ask_stream": print}, "`ask_stream`: the EventStream says how"),
        ({"stream": STREAM, "answers": "text"}, "`answers`: an answer that is text cannot be a stream"),
        ({"stream": EventStream(text="a", into="")}, "`stream`: `into` names the member"),
        (
            {"stream": STREAM, "output": {"properties": {"a": {}}, "additionalProperties": False}},
            "`stream`: the output has no member 'text'",
        ),
    ],
)
def test_a_stream_that_makes_no_sense_is_refused(declared: Any, problem: str) -> None:
    from declared_lab import declare

    with pytest.raises(ConfigurationError, match=problem):
        declare(input=ANY, **declared)


# ---------------------------------------------------------------- what is kept of a stream


@pytest.mark.parametrize(
    "event",
    [{"t": "x" * 600}, {"t": "\u00e4" * 300}, {"t": "", "out": {"name": "x" * 600}}],
    ids=["text", "umlauts", "members"],
)
def test_a_presenter_keeps_no_more_than_an_answer_may_have(event: dict[str, Any]) -> None:
    presenter = EventPresenter(EventStream(text="t", output="out"), where="crm.go", max_bytes=1000)
    presenter.feed(event)

    with pytest.raises(InvalidUpstreamAnswerError, match="larger than 1,000 bytes") as caught:
        presenter.feed({"t": event["t"], "out": {"other": "x" * 600} if "out" in event else None})
    assert caught.value.code == "upstream_answer_too_large"


def test_a_member_that_each_event_tells_anew_is_kept_once() -> None:
    presenter = EventPresenter(EventStream(text="t", output="out"), where="crm.go", max_bytes=1000)
    for number in range(1000):
        presenter.feed({"out": {"tokens": number}})

    assert presenter.finish() == {"tokens": 999, "text": ""}


def test_a_stream_that_is_larger_than_an_answer_may_be_ends_with_an_error() -> None:
    taken: list[int] = []

    def pieces() -> Iterator[bytes]:
        for number in range(300):
            taken.append(number)
            yield b"data: " + orjson.dumps({"t": "x" * 1000}) + b"\n\n"

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        return UpstreamResponse(status=200, headers=[("content-type", "text/event-stream")], chunks=pieces())

    connector = Connector("crm", title="CRM", base_url="https://crm.example", credential=None)
    connector.endpoint("go", "POST", "/go", input=fields("q"), output=ANY, stream=EventStream(text="t"))
    plugin = type("Crm", (), {"connector": connector})()
    settings = Settings.model_validate({"limits": {"max_answer_bytes": 5000}})
    gateway = make_gateway(plugin, answer=answer, settings=settings)
    reply = gateway.runner.run(CALLER, Order(action_id="crm.go", fields={"q": "hi", "stream": True}))
    *begun, last = [line for line in b"".join(reply.content).split(b"\n\n") if line]  # type: ignore[arg-type]

    assert len(begun) == 5
    assert b"upstream_answer_too_large" in last
    assert len(taken) == 6
