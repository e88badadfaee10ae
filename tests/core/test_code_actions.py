"""Actions that are code: functions with typed input and output."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import weakref
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from pydantic import BaseModel, Field, field_validator

from fake_clock import FakeClock
from hookline import (
    Attempt,
    Call,
    Connector,
    Decision,
    Reply,
    Reservation,
    Response,
    RetryDecision,
    Sample,
    StreamTransform,
    UpstreamRequest,
    Usage,
    hookimpl,
)
from hookline.errors import ConfigurationError, InvalidInputError, NotFoundError
from hookline.order import Order
from hookline.settings import LimitSettings, Settings
from small_service import CALLER, Acme, Sign, Upstream, make_gateway, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.gateway import Gateway
    from hookline.principal import InboundRequest


class Greeting(BaseModel):
    """Whom to greet."""

    name: str = Field(title="Name", min_length=1)
    times: int = 1


class Text(BaseModel):
    """A text."""

    text: str


def tools() -> Connector:
    return Connector("tools", title="Tools")


class Tools:
    """A plugin that has some actions."""

    def __init__(self, connector: Connector) -> None:
        self.connector = connector


def gateway_of(
    connector: Connector,
    *plugins: object,
    upstream: Upstream | None = None,
    service: Acme | None = None,
    clock: FakeClock | None = None,
) -> Gateway:
    return make_gateway(
        Tools(connector), *plugins, upstream=upstream, service=service, clock=clock or FakeClock()
    )


def run(gateway: Gateway, action_id: str = "tools.greet", /, **fields: object) -> Reply:
    return gateway.runner.run(CALLER, Order(action_id=action_id, fields=fields, call_id="call_1"))


def body(reply: Reply) -> dict[str, Any]:
    assert isinstance(reply.content, bytes), reply
    found: dict[str, Any] = orjson.loads(reply.content)
    return found


def events(reply: Reply) -> list[dict[str, Any]]:
    assert not isinstance(reply.content, bytes), reply.content
    text = b"".join(reply.content)
    return [
        orjson.loads(block.removeprefix(b"data: ")) for block in text.split(b"\n\n") if block[:5] == b"data:"
    ]


# ---------------------------------------------------------------- what is read off a function


def test_an_action_follows_from_a_typed_function() -> None:
    connector = tools()

    @connector.action(
        title="Greet somebody",
        read_only=True,
        group="Words",
        samples=[Sample(title="Ada", input={"name": "Ada"}, output={"text": "Hello Ada"})],
    )
    def greet(call: Call, input: Greeting) -> Text:
        """Say hello
        to somebody.

        Args: are for readers of the code.
        """
        return Text(text=f"Hello {input.name}")

    action = connector.actions["tools.greet"]

    assert (action.title, action.description, action.group) == (
        "Greet somebody",
        "Say hello to somebody.",
        "Words",
    )
    assert (action.is_read_only, action.is_idempotent, action.stream) == (True, True, None)
    assert action.input_schema["required"] == ["name"]
    assert action.output_schema["required"] == ["text"]
    assert action.samples[0].output == {"text": "Hello Ada", "warnings": []}
    assert greet(None, Greeting(name="Bo")) == Text(text="Hello Bo")  # type: ignore[arg-type]  # unused


def test_names_come_from_the_function_and_the_input_model_if_nothing_else_says_them() -> None:
    connector = tools()

    @connector.action
    def wave_back(call: Call, input: Greeting) -> str:
        return "o/"

    @connector.action("now")
    def what_time_is_it(call: Call) -> str:
        """Tell the time."""
        return "noon"

    wave, now = (connector.actions[id] for id in ("tools.wave_back", "tools.now"))
    assert (wave.title, wave.description) == ("Wave back", "Whom to greet.")
    assert (now.title, now.description, now.input_schema) == (
        "Now",
        "Tell the time.",
        {"type": "object", "properties": {}},
    )
    gateway = gateway_of(connector)
    assert body(run(gateway, "tools.wave_back", name="Ada"))["text"] == "o/"
    assert body(run(gateway, "tools.now"))["text"] == "noon"


def test_schemas_do_in_place_of_models() -> None:
    connector = tools()
    seen: list[object] = []

    @connector.action(
        input={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
        output={"type": "object", "properties": {"twice": {"type": "integer"}}, "required": ["twice"]},
    )
    def double(call, input):  # type: ignore[no-untyped-def]  # as people write it
        seen.append(input)
        return {"twice": 2 * input["n"]}

    assert body(run(gateway_of(connector), "tools.double", n="21")) == {"twice": 42, "warnings": []}
    assert seen == [{"n": 21}]


def test_models_of_the_place_where_the_decorator_stands_are_found() -> None:
    class Local(BaseModel):
        here: bool

    connector = tools()

    @connector.action
    def look(call: Call, input: Local) -> Local:
        return input

    assert body(run(gateway_of(connector), "tools.look", here="yes"))["here"] is True


async def _later(call: Call, input: Greeting) -> Text:
    return Text(text="")


def _untyped(call, input):  # type: ignore[no-untyped-def]  # what this is about
    return {}


def _no_return(call: Call, input: Greeting):  # type: ignore[no-untyped-def]  # what this is about
    return Text(text="")


def _wrong_input(call: Call, input: dict[str, str]) -> Text:
    return Text(text="")


def _unknown_name(call: Call, input: Greeting) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
    return Text(text="")


def _nothing() -> Text:
    return Text(text="")


def _too_much(call: Call, input: Greeting, more: str) -> Text:
    return Text(text="")


def _optional(call: Call, input: Greeting) -> Text | None:
    return None


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (_later, "async def"),
        (_untyped, "annotate `input` with a pydantic model"),
        (_no_return, "annotate what the function returns"),
        (_wrong_input, "annotate `input` with a pydantic model"),
        (_unknown_name, "the annotation of what it returns cannot be read, NameError"),
        (_nothing, "must take the call"),
        (_too_much, "must take the call"),
        (_optional, "annotate what the function returns"),
    ],
)
def test_a_function_that_cannot_be_an_action_is_refused_at_once(
    function: Callable[..., object], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told) as caught:
        tools().action("greet")(function)

    assert caught.value.message.startswith("tools.greet: ")


def test_an_id_is_checked_and_taken_once() -> None:
    connector = tools()
    connector.action("greet", output=Text)(lambda call: Text(text=""))

    with pytest.raises(ConfigurationError, match="defined twice"):
        connector.action("greet", output=Text)(lambda call: Text(text=""))
    with pytest.raises(ConfigurationError, match="the verb must be like"):
        connector.action("Greet!", output=Text)(lambda call: Text(text=""))


# ---------------------------------------------------------------- the whole way, every hook once


class Watches:
    """Notes every hook of a call."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.bodies: list[object] = []

    @hookimpl
    def hookline_authenticate(self, request: InboundRequest) -> None:
        self.seen.append("authenticate")

    @hookimpl
    def hookline_authorize(self, call: Call) -> Decision:
        self.seen.append("authorize")
        return Decision(allow=True)

    @hookimpl
    def hookline_choose_connections(self) -> None:
        self.seen.append("choose_connections")

    @hookimpl
    def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> None:
        self.seen.append("shape_request")
        self.bodies.append((request.method, request.url, dict(request.body or {})))
        assert request.body is not None
        request.body["name"] = "Ada Lovelace"

    @hookimpl
    def hookline_admit(self, request: UpstreamRequest, estimate: Usage) -> Reservation:
        self.seen.append("admit")
        return Reservation()

    @hookimpl
    def hookline_resolve_credential(self) -> None:
        self.seen.append("resolve_credential")

    @hookimpl
    def hookline_execute(self, request: UpstreamRequest) -> None:
        self.seen.append("execute")
        assert "authorization" not in request.headers

    @hookimpl
    def hookline_retry(self, call: Call, attempt: Attempt) -> RetryDecision:
        self.seen.append("retry")
        return RetryDecision(again=True)

    @hookimpl
    def hookline_open_stream(self, call: Call) -> StreamTransform:
        self.seen.append("open_stream")
        return StreamTransform()

    @hookimpl
    def hookline_process_response(self, response: Response) -> None:
        self.seen.append("process_response")
        response.output["seen"] = True

    @hookimpl
    def hookline_settle(self) -> None:
        self.seen.append("settle")

    @hookimpl
    def hookline_record_usage(self) -> None:
        self.seen.append("record_usage")


WHOLE = [
    "authorize",
    "choose_connections",
    "shape_request",
    "admit",
    "execute",
    "process_response",
    "settle",
    "record_usage",
]


def greeter() -> Connector:
    connector = tools()

    @connector.action
    def greet(call: Call, input: Greeting) -> Text:
        assert isinstance(input, Greeting)
        return Text(text=f"Hello {input.name}")

    return connector


def test_every_hook_is_called_once_and_nothing_leaves() -> None:
    watches, upstream = Watches(), Upstream()
    gateway = gateway_of(greeter(), watches, Sign(), upstream=upstream)

    reply = run(gateway, name="Ada")

    assert body(reply) == {"text": "Hello Ada Lovelace", "seen": True, "warnings": []}
    assert watches.seen == WHOLE
    assert watches.bodies == [("POST", "http://code.invalid/tools.greet", {"name": "Ada"})]
    assert upstream.sent == []


def test_the_input_is_checked_before_the_function_runs() -> None:
    watches = Watches()
    reply = run(gateway_of(greeter(), watches), name="")

    assert (reply.status, body(reply)["field"]) == (422, "name")
    assert watches.seen == ["authorize", "record_usage"]


def test_what_a_plugin_makes_of_the_input_is_checked_again() -> None:
    class Spoils:
        @hookimpl
        def hookline_shape_request(self, request: UpstreamRequest) -> None:
            request.body = {"name": 5}

    reply = run(gateway_of(greeter(), Spoils()), name="Ada")

    assert (reply.status, body(reply)["error"]["code"]) == (500, "plugin_failed")


def test_a_validator_of_the_model_refuses_the_callers_input() -> None:
    class Strict(BaseModel):
        name: str

        @field_validator("name")
        @classmethod
        def no_shouting(cls, value: str) -> str:
            if value.isupper():
                raise ValueError("write it in small letters")
            return value

    connector = tools()

    @connector.action
    def greet(call: Call, input: Strict) -> str:
        return input.name

    reply = run(gateway_of(connector), name="ADA")

    assert (reply.status, body(reply)["field"]) == (422, "name")
    assert "write it in small letters" in body(reply)["detail"]


# ---------------------------------------------------------------- functions that fail


def failing(fail: Callable[[Call], object]) -> Connector:
    connector = tools()

    @connector.action
    def greet(call: Call, input: Greeting) -> Text:
        fail(call)
        return Text(text="")

    return connector


def raises(error: BaseException) -> Callable[[Call], object]:
    def fail(call: Call) -> object:
        raise error

    return fail


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a secret"),
        KeyError("a secret"),
        SystemExit("a secret"),
        StopIteration("a secret"),
        asyncio.CancelledError("a secret"),
        GeneratorExit("a secret"),
    ],
)
def test_what_a_function_raises_names_its_plugin_and_shows_no_text(error: BaseException) -> None:
    reply = run(gateway_of(failing(raises(error))), name="Ada")

    assert (reply.status, body(reply)["error"]["code"]) == (500, "plugin_failed")
    assert body(reply)["detail"] == (
        f"The plugin 'plugin1' failed with {type(error).__name__} in tools.greet."
    )
    assert "secret" not in str(body(reply))


def test_ctrl_c_is_a_failure_of_code_where_nobody_can_have_typed_it() -> None:
    gateway = gateway_of(failing(raises(KeyboardInterrupt())))
    with ThreadPoolExecutor(1) as threads:
        reply = threads.submit(lambda: run(gateway, name="Ada")).result(30)

    assert body(reply)["detail"] == "The plugin 'plugin1' failed with KeyboardInterrupt in tools.greet."
    with pytest.raises(KeyboardInterrupt):
        run(gateway, name="Ada")


class EndsInShape:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    @hookimpl
    def hookline_shape_request(self) -> None:
        raise self.error


class EndsAround:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    @hookimpl
    def hookline_run_order(self) -> None:
        raise self.error


class EndsInMapping:
    def __init__(self, error: BaseException) -> None:
        self.error = error

    @hookimpl
    def hookline_map_error(self) -> None:
        raise self.error


@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit()])
@pytest.mark.parametrize("plugin", [EndsInShape, EndsAround, EndsInMapping])
def test_a_hook_that_ends_its_task_fails_its_call_and_no_more(
    plugin: Callable[[BaseException], object], error: BaseException
) -> None:
    watches = Watches()
    gateway = gateway_of(failing(raises(ValueError())), plugin(error), watches)

    assert body(run(gateway, name="Ada"))["error"]["code"] == "plugin_failed"
    assert plugin is EndsAround or watches.seen[-1] == "record_usage"


@pytest.mark.parametrize("error", [asyncio.CancelledError(), GeneratorExit()])
def test_a_connectors_own_function_that_ends_its_task_fails_its_call(error: BaseException) -> None:
    def present(call: Call, raw: object) -> dict[str, object]:
        raise error

    service = Acme()
    service.connector.actions["acme.say"] = replace(service.connector.actions["acme.say"], present=present)
    watches = Watches()
    gateway = gateway_of(tools(), watches, service=service)

    reply = run(gateway, "acme.say", text="x")

    assert reply.status == 500
    assert watches.seen[-1] == "record_usage"


def test_errors_of_hookline_pass_as_they_are() -> None:
    error = InvalidInputError("There is no such person.", field="name")
    reply = run(gateway_of(failing(raises(error))), name="Ada")

    assert (reply.status, body(reply)["field"]) == (422, "name")
    assert body(reply)["detail"] == "There is no such person."


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "has tools.greet return nothing in place of Text"),
        ("hello", "has tools.greet return a value of type str in place of Text"),
        ({"txt": "a secret"}, "return something that does not fit Text: `text`"),
        (
            Text(text="").model_copy(update={"text": 5}),
            "failed with PydanticSerializationError in tools.greet",
        ),
    ],
)
def test_a_wrong_value_is_the_plugins_fault(value: Any, told: str) -> None:
    connector = tools()

    @connector.action
    def greet(call: Call, input: Greeting) -> Text:
        return value  # type: ignore[no-any-return]  # what this is about

    reply = run(gateway_of(connector), name="Ada")

    assert (reply.status, body(reply)["error"]["code"]) == (500, "plugin_failed")
    assert told in body(reply)["detail"]
    assert "secret" not in str(body(reply))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"twice": "many"}, "does not fit its output schema: `twice`"),
        ({"twice": 2, "more": {1, 2}}, "return something that is not JSON"),
        ([2], "return a value of type list in place of a dict"),
    ],
)
def test_a_dict_is_held_to_the_output_schema(value: object, told: str) -> None:
    connector = tools()

    @connector.action(output={"type": "object", "properties": {"twice": {"type": "integer"}}})
    def greet(call: Call, input: Greeting) -> object:
        return value

    assert told in body(run(gateway_of(connector), name="Ada"))["detail"]


@pytest.mark.parametrize("is_replaced", [True, False], ids=["replaced", "removed"])
def test_a_dict_is_held_to_the_schema_its_call_began_with(is_replaced: bool) -> None:
    """A connector that comes or goes while a call runs changes nothing for that call."""
    connector, other = tools(), tools()

    @connector.action(output={"type": "object", "properties": {"twice": {"type": "integer"}}})
    def greet(call: Call, input: Greeting) -> object:
        gateway.catalog.replace([connector], [other] if is_replaced else [], before=lambda: None)
        return {"twice": 2}

    @other.action("greet", output={"type": "object", "properties": {"twice": {"type": "string"}}})
    def greet_anew(call: Call, input: Greeting) -> object:
        return {"twice": "two"}

    gateway = gateway_of(connector)
    reply = run(gateway, name="Ada")

    assert (reply.status, body(reply)) == (200, {"twice": 2, "warnings": []})


def test_a_call_whose_time_is_over_ends() -> None:
    clock = FakeClock()

    def work(call: Call) -> None:
        clock.advance(1e6)
        call.check_deadline()

    reply = run(gateway_of(failing(work), clock=clock), name="Ada")

    assert reply.status == 504


def test_code_is_never_run_twice_by_the_gateway() -> None:
    runs: list[str] = []

    def fail(call: Call) -> None:
        runs.append(call.id)
        raise RuntimeError

    watches = Watches()
    run(gateway_of(failing(fail), watches), name="Ada")

    assert (runs, "retry" in watches.seen) == (["call_1"], False)


# ---------------------------------------------------------------- what it runs inside


def test_an_inner_call_is_retried_and_the_action_around_it_is_not() -> None:
    class Thrice:
        def __init__(self) -> None:
            self.asked: list[str] = []

        @hookimpl
        def hookline_retry(self, call: Call, attempt: Attempt) -> RetryDecision:
            self.asked.append(call.action.id)
            return RetryDecision(again=attempt.number < 3)

    thrice, upstream = Thrice(), Upstream(lambda request: whole({}, status=503))
    gateway = gateway_of(failing(lambda call: call.run("acme.say", text="hi")), thrice, upstream=upstream)

    reply = run(gateway, name="Ada")

    assert (reply.status, len(upstream.sent)) == (502, 3)
    assert thrice.asked == ["acme.say"] * 3
    assert body(reply)["action"] == "acme.say"
    assert body(reply)["detail"].startswith("acme.say, which tools.greet runs, failed: ")


def test_a_field_of_an_inner_action_is_not_told_as_one_of_the_callers() -> None:
    gateway = gateway_of(failing(lambda call: call.run("acme.say", text="hi", times=0)))

    reply = run(gateway, name="Ada")

    assert (reply.status, body(reply)["field"]) == (422, None)
    assert "`times`" in body(reply)["detail"]
    assert "acme.say, which tools.greet runs" in body(reply)["detail"]


def test_an_inner_action_that_is_not_there_is_no_404() -> None:
    gateway = gateway_of(failing(lambda call: call.run("acme.sya", text="hi")))

    reply = run(gateway, name="Ada")

    assert (reply.status, body(reply)["error"]["code"]) == (500, "unknown_action")
    assert "tools.greet needs an action that is not there." in body(reply)["detail"]
    assert "Did you mean acme.say" in body(reply)["detail"]


def test_nothing_more_is_run_for_a_caller_who_has_left() -> None:
    def work(call: Call) -> None:
        call.cancellation.cancel()
        call.run("acme.say", text="hi")

    upstream = Upstream()
    reply = run(gateway_of(failing(work), upstream=upstream), name="Ada")

    assert (reply.status, upstream.sent) == (499, [])


def test_actions_run_each_other_to_a_depth_and_no_further() -> None:
    connector = tools()
    depth: list[int] = []

    @connector.action
    def greet(call: Call, input: Greeting) -> Text:
        depth.append(len(depth))
        return call.run("tools.greet", input, returns=Text)

    reply = run(gateway_of(connector), name="Ada")

    assert (reply.status, len(depth)) == (500, 9)
    assert "more than 8 deep" in body(reply)["detail"]


# ---------------------------------------------------------------- hidden actions


def test_a_hidden_action_is_run_by_others_only() -> None:
    connector = tools()

    @connector.action(is_hidden=True)
    def secret_part(call: Call) -> Text:
        return Text(text="hidden")

    @connector.action
    def greet(call: Call, input: Greeting) -> Text:
        return call.run("tools.secret_part", returns=Text)

    gateway = gateway_of(connector)

    assert body(run(gateway, name="Ada"))["text"] == "hidden"
    assert run(gateway, "tools.secret_part").status == 404
    assert "secret_part" not in body(run(gateway, "tools.secret_par"))["detail"]
    assert "tools.secret_part" not in {action.id for action in gateway.catalog}
    with pytest.raises(NotFoundError):
        gateway.catalog.find("tools.secret_part")


# ---------------------------------------------------------------- streams


def streamer(function: Callable[[Call, Greeting], Iterator[object]], **options: Any) -> Connector:
    connector = tools()
    connector.action("greet", **{"input": Greeting, "output": Text, **options})(function)
    return connector


def _letters(call: Call, input: Greeting) -> Iterator[str]:
    yield from input.name


def test_what_a_generator_yields_goes_out_piece_by_piece() -> None:
    connector = tools()
    connector.action("greet")(_letters)
    watches = Watches()
    gateway = gateway_of(connector, watches)

    reply = run(gateway, name="Ada", stream="true")
    found = events(reply)

    assert [one["text"] for one in found[:3]] == ["A", "d", "a"]
    assert found[-1] == {
        "type": "output",
        "output": {"text": "Ada Lovelace", "seen": True, "warnings": []},
    }
    assert ("content-type", "text/event-stream; charset=utf-8") in reply.headers
    assert watches.seen == [*WHOLE[:5], "open_stream", *WHOLE[5:]]


def test_without_stream_the_caller_gets_the_whole() -> None:
    connector = tools()
    connector.action("greet")(_letters)

    assert body(run(gateway_of(connector), name="Ada")) == {"text": "Ada", "warnings": []}
    assert connector.actions["tools.greet"].input_schema["properties"]["stream"]["title"] == "Stream"  # type: ignore[index]


def test_the_output_is_what_a_generator_returns_or_its_last_model() -> None:
    def returns(call: Call, input: Greeting) -> Generator[str, None, Text]:
        yield "piece"
        return Text(text="returned")

    def yields(call: Call, input: Greeting) -> Iterator[str | dict[str, int] | Text]:
        yield "piece"
        yield {"done": 1}
        yield Text(text="yielded")

    for function, text, more in (
        (returns, "returned", []),
        (yields, "yielded", [{"type": "data", "done": 1}]),
    ):
        connector = tools()
        connector.action("greet")(function)
        gateway = gateway_of(connector)
        assert body(run(gateway, name="Ada"))["text"] == text
        assert events(run(gateway, name="Ada", stream=True)) == [
            {"type": "text", "text": "piece"},
            *more,
            {"type": "output", "output": {"text": text, "warnings": []}},
        ]


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a secret"),
        asyncio.CancelledError("a secret"),
        GeneratorExit("a secret"),
        KeyboardInterrupt("a secret"),
    ],
)
def test_a_generator_that_fails_on_its_way_ends_with_an_error_inside_the_stream(error: BaseException) -> None:
    def breaks(call: Call, input: Greeting) -> Iterator[str]:
        yield "one"
        raise error

    watches = Watches()
    gateway = gateway_of(streamer(breaks), watches)

    first, last = events(run(gateway, name="Ada", stream=True))

    assert first == {"type": "text", "text": "one"}
    assert (last["type"], last["error"]["code"]) == ("error", "plugin_failed")
    assert "secret" not in str(last)
    assert "retry" not in watches.seen
    assert watches.seen[-2:] == ["settle", "record_usage"]


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        ([Text(text="a"), "late"], "yield a value of type str after its output"),
        ([5], "yield a value of type int; pieces are text or dicts"),
        ([{"type": "output"}], "looks like the end of its stream"),
        ([{"error": "x"}], "looks like the end of its stream"),
        ([{"x": {1}}], "return something that is not JSON"),
    ],
)
def test_pieces_that_make_no_sense_are_the_plugins_fault(pieces: list[object], told: str) -> None:
    gateway = gateway_of(streamer(_yielding(pieces)))

    last = events(run(gateway, name="Ada", stream=True))[-1]

    assert (last["type"], last["error"]["code"]) == ("error", "plugin_failed")
    assert told in last["detail"]


def _yielding(pieces: list[object]) -> Callable[[Call, Greeting], Iterator[object]]:
    def yields(call: Call, input: Greeting) -> Iterator[object]:
        yield from pieces

    return yields


@pytest.mark.parametrize("error", [ValueError("x"), InvalidInputError("x"), asyncio.CancelledError()])
def test_a_stream_that_failed_is_let_go_without_the_garbage_collector(error: BaseException) -> None:
    class Mark:
        pass

    marks: list[weakref.ref[Mark]] = []

    def fail(call: Call) -> None:
        call.state["mark"] = mark = Mark()
        marks.append(weakref.ref(mark))
        del mark
        raise type(error)("x")

    def breaks(call: Call, input: Greeting) -> Iterator[str]:
        yield "one"
        fail(call)

    gateway = gateway_of(streamer(breaks))
    gc.collect()
    gc.disable()
    logging.disable()  # pytest keeps what is logged, with its traceback
    try:
        events(run(gateway, name="Ada", stream=True))
        gateway.close()  # the thread of a stream holds its call until it is ready for another one
        assert [mark() for mark in marks] == [None]
    finally:
        gc.enable()
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("stream", [True, False])
def test_a_stream_of_more_text_than_an_answer_may_have_ends(stream: bool) -> None:
    made: list[int] = []

    def endless(call: Call, input: Greeting) -> Iterator[str]:
        for number in range(1000):
            made.append(number)
            yield "x" * 1000

    settings = Settings(limits=LimitSettings(max_answer_bytes=10_000))
    gateway = make_gateway(Tools(streamer(endless)), settings=settings)
    reply = run(gateway, name="Ada", stream=stream)
    problem = events(reply)[-1] if stream else body(reply)

    assert problem["error"]["code"] == "plugin_failed"
    assert "more text than the 10,000 bytes" in problem["detail"]
    assert len(made) == 11


def test_a_stream_without_an_output_that_needs_one_says_so() -> None:
    class Sum(BaseModel):
        total: int

    gateway = gateway_of(streamer(_yielding(["a"]), output=Sum))

    assert "does not fit Sum: `total`" in body(run(gateway, name="Ada"))["detail"]


def test_a_caller_who_leaves_ends_the_generator() -> None:
    ended, begun = threading.Event(), threading.Event()

    def endless(call: Call, input: Greeting) -> Iterator[str]:
        try:
            while True:
                begun.set()
                yield "more" * 1000
        finally:
            ended.set()

    reply = run(gateway_of(streamer(endless)), name="Ada", stream=True)
    assert not isinstance(reply.content, bytes)
    assert b"more" in next(reply.content)
    reply.content.close()  # type: ignore[attr-defined]  # as a server does

    assert begun.is_set()
    assert ended.wait(10)


def test_what_a_generator_raises_when_it_is_ended_is_logged_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    noted = threading.Event()

    def note(record: logging.LogRecord) -> bool:
        noted.set()
        return True

    caplog.handler.addFilter(note)

    def endless(call: Call, input: Greeting) -> Iterator[str]:
        try:
            while True:
                yield "more" * 1000
        finally:
            raise SystemExit("a secret")

    reply = run(gateway_of(streamer(endless)), name="Ada", stream=True)
    assert not isinstance(reply.content, bytes)
    assert b"more" in next(reply.content)
    reply.content.close()  # type: ignore[attr-defined]  # as a server does

    assert noted.wait(10)
    assert "tools.greet failed with SystemExit when its stream was ended" in caplog.text
    assert "secret" not in caplog.text


def test_a_stream_whose_time_is_over_ends() -> None:
    clock = FakeClock()

    def slow(call: Call, input: Greeting) -> Iterator[str]:
        for number in range(5):
            clock.advance(400)
            yield str(number)

    found = events(run(gateway_of(streamer(slow), clock=clock), name="Ada", stream=True))

    assert [one.get("text") for one in found[:-1]] == ["0", "1"]
    assert found[-1]["status"] == 504


# ---------------------------------------------------------------- a connector without a service


def test_an_endpoint_without_a_base_url_says_what_is_missing() -> None:
    connector = tools()
    connector.endpoint("look", "GET", "/x", input={"type": "object"}, output={"type": "object"})

    reply = run(gateway_of(connector), "tools.look")

    assert reply.status == 500
    assert "HOOKLINE_TOOLS_BASE_URL" in body(reply)["message"]


def test_code_knows_the_options_of_its_connection_and_no_secret() -> None:
    seen: list[Call] = []
    gateway = gateway_of(failing(seen.append), Sign())

    run(gateway, name="Ada")

    assert (seen[0].connection.name, seen[0].connection.base_url) == ("code", "http://code.invalid")
    assert "sk-secret" not in repr(seen[0])
