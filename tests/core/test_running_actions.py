"""How one action runs another: what goes in, and what comes out."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from pydantic import BaseModel, Field

from hookline import Call, Connector, Output, hookimpl
from hookline.errors import InvalidUpstreamAnswerError
from hookline.order import Order
from hookline.output import input_fields
from small_service import CALLER, Upstream, make_gateway, whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.action import JsonObject


class Thing(BaseModel):
    id: str
    size: int


class Odd:
    """A service whose input has fields that are called like arguments of `Call.run`."""

    def __init__(self) -> None:
        self.connector = Connector("odd", title="Odd", base_url="https://odd.example", credential=None)
        self.connector.endpoint("echo", "POST", "/", input={"type": "object"}, output={"type": "object"})


class Asks:
    def __init__(self, ask: Callable[[Call], object]) -> None:
        self.ask = ask
        self.found: list[Any] = []

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call) -> None:
        if call.parent is None:
            self.found.append(self.ask(call))


def ask(wish: Callable[[Call], object], answer: object = None) -> tuple[Any, JsonObject]:
    """Return what a call inside a call comes to, and the body that it sent."""
    asks = Asks(wish)
    upstream = Upstream(
        lambda request: whole(answer if answer is not None and "odd" in request.url else request.body)
    )
    gateway = make_gateway(asks, Odd(), upstream=upstream)
    reply = gateway.runner.run(CALLER, Order(action_id="acme.say", fields={"text": "outer"}))
    assert isinstance(reply.content, bytes)
    assert reply.status == 200, reply.content
    sent = upstream.sent[0].body
    assert sent is not None
    return asks.found[0], sent


class Ask(BaseModel):
    model: str = "small"
    text: str = Field(alias="prompt")
    note: str | None = None
    cleared: str | None = "x"


@pytest.mark.parametrize(
    ("wish", "sent"),
    [
        (lambda call: call.run("odd.echo", {"a": 1}), {"a": 1}),
        (lambda call: call.run("odd.echo", a=1), {"a": 1}),
        (lambda call: call.run("odd.echo", {"a": 1, "b": 1}, b=2), {"a": 1, "b": 2}),
        (lambda call: call.run("odd.echo"), {}),
        (lambda call: call.run("odd.echo", action_id=1, input=2), {"action_id": 1, "input": 2}),
        (
            lambda call: call.run("odd.echo", {"returns": 1, "as_gateway": 2}),
            {"returns": 1, "as_gateway": 2},
        ),
        (
            lambda call: call.run("odd.echo", Ask(prompt="hi", cleared=None)),
            {"model": "small", "prompt": "hi", "cleared": None},
        ),
    ],
)
def test_an_input_is_a_mapping_a_model_or_fields(wish: Callable[[Call], object], sent: JsonObject) -> None:
    assert ask(wish)[1] == sent


def test_what_is_neither_is_a_mistake_of_the_programmer() -> None:
    with pytest.raises(TypeError, match="a model or a mapping, not int"):
        input_fields(5)  # type: ignore[arg-type]  # what this is about


def test_members_of_an_output_are_attributes_too() -> None:
    output, _ = ask(
        lambda call: call.run("odd.echo"),
        {"text": "hi", "usage": {"tokens": 3}, "rows": [{"n": 1}, {"n": 2}], "items": [1]},
    )

    assert type(output) is Output
    assert (output.text, output["text"]) == ("hi", "hi")
    assert output.usage.tokens == 3
    assert [row.n for row in output.rows] == [1, 2]
    assert output["items"] == [1]
    output.usage["tokens"] = 4
    assert output["usage"] == {"tokens": 4}
    assert orjson.loads(orjson.dumps(dict(output)))["rows"] == [{"n": 1}, {"n": 2}]
    assert copy.deepcopy(output) == output
    assert pickle.loads(pickle.dumps(output)) == output


def test_a_member_that_is_not_there_names_those_that_are() -> None:
    output = Output({"text": "hi", "model": "small", "__wrapped__": 1})

    with pytest.raises(AttributeError, match="no member 'txt'; did you mean 'text'"):
        _ = output.txt
    with pytest.raises(AttributeError, match="it has text, model"):
        _ = output.zzz
    assert not hasattr(output, "__wrapped__")


def test_an_output_is_read_into_a_model() -> None:
    thing, _ = ask(lambda call: call.run("odd.echo", returns=Thing), {"id": "x", "size": "3"})

    assert thing == Thing(id="x", size=3)


def test_an_output_that_does_not_fit_the_model_names_the_member_and_the_action() -> None:
    def wish(call: Call) -> object:
        with pytest.raises(InvalidUpstreamAnswerError) as caught:
            call.run("odd.echo", returns=Thing)
        return caught.value

    error, _ = ask(wish, {"id": "x", "size": "a secret"})

    assert error.message == "The output of odd.echo does not fit Thing: `size`."
    assert error.action_id == "odd.echo"
