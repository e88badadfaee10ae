"""Actions that only other actions may run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from hookline import Call, Connector, Response, hookimpl
from hookline.engine.catalog import Catalog
from hookline.errors import ConfigurationError
from hookline.order import Order
from hookline.webhook.app import create_app
from small_service import CALLER, Acme, Upstream, make_gateway, whole

if TYPE_CHECKING:
    from hookline.gateway import Gateway


def connector() -> Connector:
    made = Connector("crm", title="CRM", base_url="https://crm.example", credential=None)
    made.endpoint("look_up", "GET", "/ids", input={}, output={"type": "object"}, is_hidden=True)
    made.endpoint("find", "GET", "/contacts", input={}, output={"type": "object"})
    return made


class LooksUp:
    """Runs the hidden action inside the other."""

    @hookimpl
    def hookline_process_response(self, call: Call, response: Response) -> None:
        if call.action.id == "crm.find":
            response.output["inside"] = call.run("crm.look_up", {})


def gateway_of(*plugins: object) -> Gateway:
    upstream = Upstream(lambda request: whole({"path": request.path}))
    return make_gateway(*plugins, upstream=upstream, service=Acme(connector()))


def test_nobody_can_call_one_or_learn_of_it() -> None:
    gateway = gateway_of()
    client = create_app(gateway).test_client()

    reply = gateway.runner.run(CALLER, Order(action_id="crm.look_up", fields={}))
    shown: list[Any] = [
        client.get("/actions").get_json(),
        client.get("/actions/crm.find").get_json(),
        client.get("/openapi.json").get_json(),
    ]

    assert reply.status == 404
    assert client.get("/actions/crm.look_up").status_code == 404
    assert "look_up" not in orjson.dumps(shown).decode()
    assert [action.id for action in gateway.catalog] == ["crm.find"]
    assert len(gateway.catalog) == 1
    gateway.close()


def test_another_action_runs_it() -> None:
    gateway = gateway_of(LooksUp())

    reply = gateway.runner.run(CALLER, Order(action_id="crm.find", fields={}))

    assert orjson.loads(cast("bytes", reply.content))["inside"]["path"] == "/ids"
    gateway.close()


@pytest.mark.parametrize(
    ("test", "problem"),
    [
        ("look_up", "the action 'look_up' is hidden"),
        ("no_such", "there is no action 'no_such'"),
        ("needy", "the action 'needy' needs the field 'a'"),
    ],
)
def test_a_connection_cannot_be_tested_by_what_nobody_can_run(test: str, problem: str) -> None:
    made = Connector("crm", title="CRM", base_url="https://crm.example", test=test)
    made.endpoint("look_up", "GET", "/ids", input={}, output={}, is_hidden=True)
    needy: dict[str, Any] = {"properties": {"a": {"type": "string"}}, "required": ["a"]}
    made.endpoint("needy", "GET", "/ids", input=needy, output={})

    with pytest.raises(ConfigurationError, match=problem):
        Catalog().add(made)
