"""The suite on every kind of action: code, streams, texts, bytes, nothing, forms, and a basic credential."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import BaseModel, Field

from hookline import BasicCredential, Call, Connector, EventStream, InPlace, Sample
from hookline.testing import ConnectorSuite

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


@many.action(title="Spell")
def spell(call: Call, input: Named) -> Iterator[str]:
    """Say a name letter by letter."""
    yield from input.name


class TestMany(ConnectorSuite):
    """All of them."""

    connector = many
    answers: ClassVar = {"pick": {"data": [{"told": "one"}]}}
    streams: ClassVar = {"ask": [{"delta": "o"}, {"delta": "ne"}]}
