"""The suite on every kind of action: code, streams, texts, bytes, nothing, forms, and a basic credential."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest
from pydantic import BaseModel, Field

from hookline import BasicCredential, Call, Connector, EventStream, InPlace, Sample
from hookline.testing import ConnectorSuite, ScriptedUpstream

many = Connector("many", title="Many kinds", base_url="https://many.example/v1", credential=BasicCredential())


class Named(BaseModel):
    """Look at something by its name."""

    name: str = Field(title="Name", description="What it is called.", examples=["one"])


class Told(BaseModel):
    """A text."""

    text: str = Field(title="Text", description="What was told.")


many.endpoint("read", "GET", "/texts/{name}", input=Named, answers="text", read_only=True)
many.endpoint("fetch", "GET", "/files/{name}", input=Named, answers="binary", read_only=True)
many.endpoint("remove", "DELETE", "/files/{name}", input=Named, answers="nothing")
renamed = {"name": InPlace(where="body", name="n")}
many.endpoint("put", "POST", "/files", input=Named, output=Told, encoding="form", places=renamed)
many.endpoint("pick", "POST", "/pick", input=Named, output=Told, pick="{text: data[0].told}")
many.endpoint("ask", "POST", "/ask", input=Named, output=Told, stream=EventStream(text="delta"))


@many.action(title="Read twice", samples=[Sample(title="one", input={"name": "one"}, output={"text": "x x"})])
def twice(call: Call, input: Named) -> Told:
    """Read a text, and say it twice."""
    told = call.run("many.read", name=input.name)
    return Told(text=f"{told.text} {told.text}")


@many.action(title="Praise")
def praise(call: Call, input: Named) -> Told:
    """Have a model of another connector praise a name."""
    said = call.run("openai.chat", model="gpt-5.4-mini", prompt=f"Praise {input.name}.")
    return Told(text=str(said.text))


@many.action(title="Spell")
def spell(call: Call, input: Named) -> Iterator[str]:
    """Say a name letter by letter."""
    yield from input.name


class TestMany(ConnectorSuite):
    """All of them."""

    connector = many
    answers: ClassVar = {"pick": {"data": [{"told": "one"}]}}
    streams: ClassVar = {"ask": [{"delta": "o"}, {"delta": "ne"}]}


_CHAT = {
    "id": "c1",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Well!"}, "finish_reason": "stop"}],
}


def test_what_another_service_answers_can_be_said(upstream: ScriptedUpstream) -> None:
    class Suite(ConnectorSuite):
        connector = many
        answers: ClassVar = {"openai.chat": _CHAT}

    suite = Suite()
    with suite.open(upstream) as gateway:
        assert gateway.call("many.praise", name="Ada").output["text"] == "Well!"
    assert upstream.requests == []


def test_answers_for_an_action_that_does_not_exist_are_refused(upstream: ScriptedUpstream) -> None:
    class Suite(ConnectorSuite):
        connector = many
        answers: ClassVar = {"raed": {}}

    with pytest.raises(pytest.fail.Exception, match="has 'raed', but there is no action"):
        Suite().open(upstream).__enter__()
