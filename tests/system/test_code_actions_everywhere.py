"""An action that is code goes wherever actions go, with all that is bundled around it."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from pydantic import BaseModel

from hookline import Call, Connector
from hookline.exports.blueprints import make_blueprint
from mcp_lab import ask, call, client_of, make_gateway

if TYPE_CHECKING:
    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from hookline.gateway import Gateway


class Person(BaseModel):
    """Whom to greet."""

    name: str
    fail: bool = False


class Line(BaseModel):
    text: str


class Tools:
    """A plugin whose actions run OpenAI's."""

    def __init__(self) -> None:
        self.connector = connector = Connector("tools", title="Tools")

        @connector.action
        def greet(call: Call, input: Person) -> Line:
            if input.fail:
                raise ValueError("a secret")
            answer = call.run("openai.chat", model="sandbox", prompt=f"Greet {input.name}.")
            return Line(text=answer.text)

        @connector.action
        def spell(call: Call, input: Person) -> Generator[str, None, Line]:
            yield from input.name
            return Line(text=input.name)


class Lab:
    def __init__(self) -> None:
        self.gateway: Gateway = make_gateway(Tools())
        self.client: FlaskClient = client_of(self.gateway)

    def post(self, path: str, body: object, **headers: str) -> TestResponse:
        return self.client.post(path, json=body, headers=headers)


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab()
    yield made
    made.gateway.close()


GREETED = {"text": "Simulated answer to: Greet Ada.", "warnings": []}


def test_plain_and_as_a_form(lab: Lab) -> None:
    assert lab.post("/actions/tools.greet", {"name": "Ada"}).json == GREETED
    assert lab.client.post("/actions/tools.greet", data={"name": "Ada"}).json == GREETED


def test_as_a_stream(lab: Lab) -> None:
    answer = lab.post("/actions/tools.spell", {"name": "Ada", "stream": True})
    found = [orjson.loads(one[6:]) for one in answer.data.split(b"\n\n") if one.startswith(b"data: ")]

    assert [one.get("text") for one in found[:3]] == ["A", "d", "a"]
    assert found[-1] == {"type": "output", "output": {"text": "Ada", "warnings": []}}


def test_as_a_job(lab: Lab) -> None:
    answer = lab.post("/actions/tools.greet", {"name": "Ada"}, Prefer="respond-async")
    assert answer.status_code == 202
    until = time.monotonic() + 20
    while (result := lab.client.get(answer.headers["location"])).status_code == 202:
        assert time.monotonic() < until
        time.sleep(0.02)

    assert result.json == GREETED


def test_for_several_items(lab: Lab) -> None:
    answer = lab.post("/actions/tools.greet", {"items": [{"name": "Ada"}, {"name": "Bo", "fail": True}]})
    told: Any = answer.json

    assert told["items"][0]["output"]["text"] == GREETED["text"]
    assert told["items"][1]["error"]["error"]["code"] == "plugin_failed"
    assert "secret" not in answer.text


def test_once_for_a_key_of_idempotency(lab: Lab) -> None:
    first = lab.post("/actions/tools.greet", {"name": "Ada"}, Idempotency_Key="one")
    second = lab.post("/actions/tools.greet", {"name": "Ada"}, Idempotency_Key="one")

    assert (first.json, second.json) == (GREETED, GREETED)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"


def test_as_a_tool_of_an_assistant(lab: Lab) -> None:
    result = ask(lab.client, "tools/call", call("tools_greet", {"name": "Ada"}))

    assert result["structuredContent"] == GREETED


def test_in_every_export(lab: Lab) -> None:
    blueprint = make_blueprint(
        lab.gateway, server_url="https://hooks.example.com", action_ids=["tools.greet", "tools.spell"]
    )

    assert [(action.id, action.streams) for action in blueprint.actions] == [
        ("tools.greet", False),
        ("tools.spell", True),
    ]
    for target in lab.gateway.export_targets:
        exported = lab.client.get(f"/exports/{target}?actions=tools.*")
        assert exported.status_code == 200, (target, exported.text[:300])


def test_its_estimate_is_not_known_and_its_sample_is_made(lab: Lab) -> None:
    estimate: Any = lab.post("/actions/tools.greet/estimate", {"name": "Ada"}).json
    assert (estimate["connection"], estimate["cost_usd"]) == ("code", None)
    assert set(lab.client.get("/actions/tools.greet/sample").json or {}) >= {"text"}
