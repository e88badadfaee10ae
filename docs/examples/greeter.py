"""An action of your own, in one file: ``hookline serve --plugin greeter.py``."""

from pydantic import BaseModel, Field

from hookline import Call, Connector

connector = Connector("greeter", title="Greeter")


class Person(BaseModel):
    """Whom to greet."""

    name: str = Field(title="Name", examples=["Ada"])


class Line(BaseModel):
    """One line of text."""

    text: str


@connector.action(title="Greet somebody", read_only=True)
def greet(call: Call, input: Person) -> Line:
    """Have a model write one line to somebody."""
    answer = call.run("openai.chat", model="sandbox", prompt=f"Greet {input.name} in one line.")
    return Line(text=answer.text)
