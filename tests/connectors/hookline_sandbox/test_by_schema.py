"""Actions of services that the sandbox does not know: answered by their samples and output schemas."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from pydantic import BaseModel, Field

from hookline import Call, Connector, ErrorRule, EventStream, Pages, Reply, Sample, WireEndpoint, hookimpl
from hookline.engine.catalog import CatalogEntry
from hookline.gateway import Gateway, load_plugins
from hookline.order import Order
from hookline.problems import ProblemFormat
from hookline.settings import Settings
from small_service import CALLER, Allow, Upstream

if TYPE_CHECKING:
    from hookline.action import JsonObject


class Find(BaseModel):
    email: str
    limit: int | None = None
    cursor: str | None = None


class Contact(BaseModel):
    name: str = Field(min_length=3)
    age: int = Field(ge=18, multiple_of=7)
    tags: list[str] = []


class Contacts(BaseModel):
    contacts: list[Contact]


ADA: JsonObject = {"name": "Ada Lovelace", "age": 35, "tags": ["maths"]}
BOB: JsonObject = {"name": "Bob", "age": 21}


def never(call: Call, raw: object) -> JsonObject:
    raise AssertionError("the service's JSON cannot be invented")


class Presenter:
    """Knows the service's own events, which are not there."""

    def __init__(self, call: Call) -> None: ...

    def feed(self, event: JsonObject) -> Iterator[JsonObject]:
        raise AssertionError("the service's events cannot be invented")

    def finish(self) -> JsonObject:
        raise AssertionError("the service's events cannot be invented")


def crm() -> Connector:
    connector = Connector("crm", title="CRM", base_url="https://crm.example")
    samples = [
        Sample(title="Bob", input={"email": "bob@example.com"}, output=BOB),
        Sample(title="Ada", input={"email": "ada@example.com"}, output=ADA),
    ]
    connector.endpoint(
        "find", "GET", "/contacts/{email}", input=Find, output=Contact, present=never, samples=samples
    )
    connector.endpoint("look", "POST", "/look", input=Find, output=Contact, present=never)
    connector.endpoint(
        "tell",
        "POST",
        "/tell",
        input={"type": "object", "properties": {"stream": {"type": "boolean"}}},
        output={"type": "object", "properties": {"text": {"examples": ["one two  three"]}}},
        stream=Presenter,
        stream_end=b"[DONE]",
    )
    connector.endpoint(
        "list",
        "GET",
        "/contacts",
        input=Find,
        output=Contacts,
        present=never,
        pages=Pages(items="contacts", field="cursor", next="next"),
    )
    connector.endpoint("fetch", "GET", "/file/{email}", input=Find, answers="binary")
    connector.endpoint(
        "say",
        "POST",
        "/say",
        input=Find,
        output={"type": "object", "properties": {"text": {"type": "string", "title": "Said"}}},
        stream=EventStream(text="delta"),
        pick="{text: answer.text}",
        errors=[ErrorRule(kind="unavailable", statuses=(200,), when="text")],
    )
    connector.endpoint(
        "odd",
        "GET",
        "/odd",
        input=Find,
        output={
            "type": "object",
            "properties": {"code": {"type": "string", "pattern": "^[0-9]{3}-[a-f]{2}$"}},
            "required": ["code"],
        },
    )

    @connector.action
    def greet(call: Call, input: Find) -> Contact:
        found = call.run("crm.find", input, returns=Contact)
        answer = call.run("openai.chat", model="gpt-5.4-mini", prompt=f"Greet {found.name}")
        return Contact(name=answer.text, age=found.age)

    @connector.action
    def spell(call: Call) -> Generator[str, None, Contact]:
        yield call.run("crm.find", email="ada@example.com").name
        return Contact(name="spelt", age=21)

    return connector


class Crm:
    def __init__(self) -> None:
        self.connector = crm()
        self.calls: list[Call] = []

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call) -> None:
        self.calls.append(call)


class Lab:
    """A gateway with all that is bundled, a service nobody knows, and an upstream that must not be asked."""

    def __init__(self, *, sandbox: bool = True) -> None:
        settings = Settings(sandbox=sandbox)
        host = load_plugins(settings)
        self.crm = Crm()
        host.register(self.crm, name="crm")
        host.register(Allow(), name="zz_allow")
        self.upstream = Upstream()
        self.gateway = Gateway(settings, host=host, transport=self.upstream, environ={})

    def run(self, action_id: str, *, headers: dict[str, str] | None = None, **fields: object) -> Reply:
        order = Order(action_id=action_id, fields=fields, headers=headers or {})
        return self.gateway.runner.run(CALLER, order)

    def output(self, action_id: str, **more: Any) -> dict[str, Any]:
        reply = self.run(action_id, **more)
        assert isinstance(reply.content, bytes)
        assert reply.status == 200, reply.content
        found: dict[str, Any] = orjson.loads(reply.content)
        return found


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    yield made
    made.gateway.close()
    assert made.upstream.sent == []


def events(reply: Reply) -> list[dict[str, Any]]:
    assert not isinstance(reply.content, bytes), reply.content
    blocks = b"".join(reply.content).split(b"\n\n")
    return [orjson.loads(block[6:]) for block in blocks if block.startswith(b"data: {")]


def test_the_declared_sample_of_the_same_input_is_the_answer(lab: Lab) -> None:
    assert lab.output("crm.find", email="bob@example.com") == {**BOB, "warnings": []}
    assert lab.output("crm.find", email="ada@example.com", limit="") == {**ADA, "warnings": []}


def test_for_any_other_input_it_is_the_richest_sample(lab: Lab) -> None:
    assert lab.output("crm.find", email="eve@example.com") == {**ADA, "warnings": []}


def test_without_a_sample_the_answer_is_made_to_fit_the_schema_and_always_the_same(lab: Lab) -> None:
    output = lab.output("crm.look", email="x")
    entry = CatalogEntry(lab.crm.connector.actions["crm.look"])

    assert entry.output.problems(output) == []
    assert Contact.model_validate(output)
    assert [lab.output("crm.look", email=email) for email in "abc"] == [output] * 3


def test_where_nothing_fits_the_schema_a_sample_is_asked_for(lab: Lab) -> None:
    reply = lab.run("crm.odd", email="x")

    assert isinstance(reply.content, bytes)
    told = orjson.loads(reply.content)
    assert (reply.status, told["error"]["code"]) == (400, "test_not_possible")
    assert "Give the action a Sample" in told["message"]


def test_a_stream_is_simulated_in_pieces_of_the_action(lab: Lab) -> None:
    found = events(lab.run("crm.tell", stream=True))

    assert [one.get("text") for one in found[:-1]] == ["one ", "two  ", "three"]
    assert found[-1] == {"type": "output", "output": {"text": "one two  three", "warnings": []}}
    assert lab.output("crm.tell")["text"] == "one two  three"


def test_what_an_endpoint_declares_of_the_services_answer_is_not_asked(lab: Lab) -> None:
    fetched = lab.output("crm.fetch", email="x")
    assert set(fetched) == {"content", "media_type", "size_bytes", "warnings"}
    assert lab.output("crm.say", email="x") == {"text": "Said", "warnings": []}
    assert [one.get("text") for one in events(lab.run("crm.say", email="x", stream=True))] == ["Said", None]


def test_a_list_of_pages_is_one_page(lab: Lab) -> None:
    for wanted in (None, 10):
        output = lab.output("crm.list", email="x", max_items=wanted)
        assert (len(output["contacts"]), output["next_page"], output["warnings"]) == (1, None, [])


def test_code_runs_and_what_it_runs_is_simulated(lab: Lab) -> None:
    output = lab.output("crm.greet", email="bob@example.com")

    assert output == {"name": "Simulated answer to: Greet Bob", "age": 21, "tags": [], "warnings": []}
    assert [call.action.id for call in lab.crm.calls] == ["crm.greet", "crm.find", "openai.chat"]
    assert events(lab.run("crm.spell", stream=True))[0] == {"type": "text", "text": "Ada Lovelace"}


def test_the_services_own_format_is_not_invented(lab: Lab) -> None:
    endpoint = WireEndpoint(action="crm.look", format=ProblemFormat())
    order = Order(action_id="crm.look", fields={"email": "x"}, content=b'{"email": "x"}', endpoint=endpoint)

    reply = lab.gateway.runner.run(CALLER, order)

    assert isinstance(reply.content, bytes)
    assert (reply.status, orjson.loads(reply.content)["error"]["code"]) == (400, "test_not_possible")


def test_a_test_step_tries_out_any_action_and_all_that_it_runs() -> None:
    lab = Lab(sandbox=False)
    headers = {"x-hookline-test": "1"}

    assert lab.output("crm.find", email="bob@example.com", headers=headers)["name"] == "Bob"
    assert lab.output("crm.greet", email="bob@example.com", headers=headers)["name"] == (
        "Simulated answer to: Greet Bob"
    )
    assert lab.output("crm.list", email="x", max_items=5, headers=headers)["next_page"] is None
    assert all(call.connection.is_simulated for call in lab.crm.calls)
    lab.gateway.close()
    assert lab.upstream.sent == []
