"""The Power Platform: a connector that it imports, and with which its flows reach every action."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV2SpecValidator
from tests.core.exports.conftest import CATALOGS, ExportOf, json_of

from hookline import Connector
from hookline.errors import ConfigurationError
from hookline.exports.blueprints import make_blueprint
from hookline.exports.export import make_export
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.webhook.app import create_app
from nasty_connector import KEY, nasty_gateway
from power_client import Came, PowerClient
from power_platform_rules import RULES, property_violations, violations

Json = dict[str, Any]
GIVEN: dict[str, Json] = {"NastyShapes": {"shape": {"kind": "circle", "radius": 1}}}
"""What forms cannot say: members that only one of several kinds needs."""
RAW = re.compile(r"into Raw JSON: (\{.*\})$")


def client_of(gateway: Gateway, *, patience: str = "") -> PowerClient:
    """Return a client that imported the file; ``patience`` cuts the 110 seconds of the platform short."""
    target = gateway.export_targets["power-platform"]
    export = make_export(target, make_blueprint(gateway, server_url="https://hooks.example.com"))
    app = create_app(gateway).test_client()

    def send(method: str, path: str, headers: Mapping[str, str], content: bytes | None) -> Came:
        if patience and method == "POST":
            headers = {**headers, "prefer": patience}
        answer = app.open(path, method=method, headers=dict(headers), data=content)
        found = {name.lower(): value for name, value in answer.headers}
        return Came(status=answer.status_code, headers=found, content=answer.data)

    return PowerClient(json_of(export), send, key=KEY)


def filled(client: PowerClient, id: str) -> Json:
    """Return a filled form; the sandbox has one model that takes everything."""
    model = {"model": "sandbox"} if "model" in client.form(id)["properties"] else {}
    return {**client.fill(id), **GIVEN.get(id, {}), **model}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Gateway]:
    retries = {"retry": {"max_attempts": 1}}
    settings = Settings.model_validate({"sandbox": True, "api_keys": [KEY], "plugins": retries})
    gateway = Gateway(settings, environ={})
    yield gateway
    gateway.close()


@pytest.fixture(scope="module")
def nasty() -> Iterator[Gateway]:
    gateway = nasty_gateway()
    yield gateway
    gateway.close()


@pytest.mark.parametrize("catalog", CATALOGS)
def test_the_definition_is_valid_swagger(catalog: str, export_of: ExportOf) -> None:
    definition = json_of(export_of("power-platform", catalog))

    assert list(OpenAPIV2SpecValidator(definition).iter_errors()) == []


@pytest.mark.parametrize("catalog", CATALOGS)
def test_the_connector_keeps_the_rules_of_the_platform(catalog: str, export_of: ExportOf) -> None:
    export = export_of("power-platform", catalog)

    assert list(export.files) == ["apiDefinition.swagger.json", "apiProperties.json"]
    assert violations(json_of(export), json_of(export, "apiProperties.json")) == []


def _model_of(definition: Json) -> Json:
    body = definition["paths"]["/actions/openai.chat"]["post"]["parameters"][-1]
    member: Json = body["schema"]["properties"]["model"]
    return member


def _chat(definition: Json) -> Json:
    operation: Json = definition["paths"]["/actions/openai.chat"]["post"]
    return operation


BREAKS: dict[str, Callable[[Json], Any]] = {
    "size": lambda it: it["info"].update(termsOfService="x" * 1_000_000),
    "operation_count": lambda it: it["paths"].update(
        {f"/more/{n}": {"get": {"operationId": f"More{n}", "responses": {}}} for n in range(257)}
    ),
    "schema_count": lambda it: it["definitions"]["Problem"]["properties"].update(
        {f"more{n}": {"type": "string", "x-ms-summary": "More"} for n in range(513)}
    ),
    "dialect": lambda it: _model_of(it).update(anyOf=[{"type": "string"}]),
    "extensions": lambda it: _model_of(it).update({"x-ms-made-up": True}),
    "security": lambda it: it["securityDefinitions"].update(basic={"type": "basic"}),
    "address": lambda it: it.update(host="https://hooks.example.com"),
    "operation_names": lambda it: _chat(it).update(operationId="openai.chat"),
    "labels": lambda it: _model_of(it).pop("x-ms-summary"),
    "visibility": lambda it: _chat(it)["parameters"][0].pop("default"),
    "dynamic_lists": lambda it: _model_of(it)["x-ms-dynamic-list"].update(itemsPath="data"),
    "responses": lambda it: _chat(it)["responses"]["202"]["headers"].pop("Location"),
    "choices": lambda it: _model_of(it).update({"x-ms-enum-values": [{"value": 1, "displayName": "One"}]}),
    "metadata": lambda it: it["x-ms-connector-metadata"].pop(),
}


@pytest.mark.parametrize("name", RULES)
def test_each_rule_can_fail(name: str, export_of: ExportOf) -> None:
    definition = copy.deepcopy(json_of(export_of("power-platform", "openai")))
    assert list(RULES[name](definition)) == []

    BREAKS[name](definition)

    assert list(RULES[name](definition))


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.update(iconBrandColor="green"),
        lambda told: told["connectionParameters"]["api_key"].update(type="string"),
        lambda told: told["connectionParameters"]["api_key"]["uiDefinition"].pop("description"),
        lambda told: told["connectionParameters"].clear(),
    ],
    ids=["colour", "shown", "untold", "nothing"],
)
def test_the_rules_for_the_properties_can_fail(change: Callable[[Json], Any], export_of: ExportOf) -> None:
    properties = json_of(export_of("power-platform", "openai"), "apiProperties.json")
    assert list(property_violations(properties)) == []

    change(properties["properties"])

    assert list(property_violations(properties))


@pytest.mark.parametrize("catalog", CATALOGS)
def test_an_address_is_taken_apart(catalog: str, export_of: ExportOf) -> None:
    definition = json_of(export_of("power-platform", catalog, server="http://hooks.example.com:8080/a/b"))

    assert (definition["schemes"], definition["host"], definition["basePath"]) == (
        ["http"],
        "hooks.example.com:8080",
        "/a/b",
    )


def test_a_host_that_the_platform_does_not_take_is_refused(export_of: ExportOf) -> None:
    with pytest.raises(ConfigurationError, match="takes no host such as"):
        export_of("power-platform", "openai", server="https://[2001:db8::1]:8443")


def test_every_action_runs_with_what_the_form_shows_first(sandbox: Gateway) -> None:
    client = client_of(sandbox)

    answers = {id: client.run(id, filled(client, id)).status for id in client.actions}

    assert len(answers) == 6
    assert set(answers.values()) == {200}


def test_every_nasty_action_runs_with_what_the_form_shows_first(nasty: Gateway) -> None:
    client = client_of(nasty)

    answers = {id: client.run(id, filled(client, id)).status for id in client.actions}

    assert len(answers) == 9
    assert set(answers.values()) == {200}


def test_every_dropdown_is_filled_as_the_platform_fills_it(sandbox: Gateway, nasty: Gateway) -> None:
    found, sent = {}, []
    for gateway in (sandbox, nasty):
        client = client_of(gateway)
        for id in client.actions:
            for name, told in client.form(id)["properties"].items():
                if "x-ms-dynamic-values" in told:
                    found[id, name] = client.rows(id, name)
        sent += client.sent

    assert {id for id, _ in found} > {"OpenaiChat", "NastyPicks"}
    assert found["NastyPicks", "kind"] == [("a b&c", "Kind „a“"), ('q"uote', "<b>Kind</b>")]
    assert all(found.values())
    assert {"/options/openai.models?kind=chat", "/options/openai.models?kind=embedding"} <= set(sent)
    assert "/options/nasty.kinds?group=a+b%26c" in sent


def test_what_takes_longer_is_followed_until_it_is_there(sandbox: Gateway) -> None:
    client = client_of(sandbox, patience="respond-async")

    came = client.run("OpenaiChat", {"model": "sandbox-slow-400", "prompt": "Hello"})

    assert client.polls >= 1
    assert came.status == 200
    assert "Hello" in came.json()["text"]


def test_the_form_says_the_profile_of_the_platform(sandbox: Gateway) -> None:
    (profile,) = [
        one
        for one in client_of(sandbox).operations["OpenaiChat"][2]["parameters"]
        if one["name"] == "profile"
    ]

    assert (profile["in"], profile["default"], profile["required"], profile["x-ms-visibility"]) == (
        "query",
        "power-automate",
        True,
        "internal",
    )


@pytest.mark.parametrize(
    "model", ["sandbox-401", "sandbox-429", "sandbox-billing", "sandbox-503", "sandbox-html"]
)
def test_failures_are_told_as_the_file_says(sandbox: Gateway, model: str) -> None:
    came = client_of(sandbox).run("OpenaiChat", {"model": model, "prompt": "Hello"})

    assert came.status >= 400
    assert came.json()["message"]


def test_a_wrong_input_is_told_as_the_file_says(sandbox: Gateway) -> None:
    client = client_of(sandbox)

    for id in client.actions:
        came = client.run(id, {**filled(client, id), "no_such_field": 1})
        assert (came.status, came.json()["field"]) == (422, "no_such_field")


def test_raw_json_is_the_last_field_and_hidden_at_first(export_of: ExportOf) -> None:
    definition = json_of(export_of("power-platform"))

    for path, methods in definition["paths"].items():
        if path.startswith("/actions/"):
            members = methods["post"]["parameters"][-1]["schema"]["properties"]
            assert list(members)[-1] == "raw_json"
            assert members["raw_json"]["x-ms-visibility"] == "advanced"
            assert not any(name == "stream" for name in members)


def test_what_a_form_cannot_send_goes_by_raw_json(sandbox: Gateway, nasty: Gateway) -> None:
    tried = []
    for gateway in (sandbox, nasty):
        client = client_of(gateway)
        blueprint = make_blueprint(gateway, server_url="https://hooks.example.com")
        ids = {f"/actions/{one.id}": one.id for one in blueprint.actions}
        operations = {ids[path]: id for id, (_, path, _) in client.operations.items() if path in ids}
        for loss in make_export(gateway.export_targets["power-platform"], blueprint).losses:
            raw = RAW.search(loss.instead)
            if raw:
                id = operations[loss.action]
                came = client.run(id, {**filled(client, id), "raw_json": raw[1]})
                # what is refused by the service has passed the form, the gateway and its schema
                assert came.status == 200 or came.json()["upstream"], (loss, came.content)
                tried.append((loss.action, loss.place))

    assert {("openai.chat", "stop"), ("nasty.shapes", "either"), ("nasty.names", "")} <= set(tried)
    assert len(tried) > 20


def _connector_gateway(connector: Connector) -> Gateway:
    class Plugin:
        def __init__(self) -> None:
            self.connector = connector

    from hookline.exports import ExportsPlugin

    host = PluginHost()
    host.register(ExportsPlugin(), name="exports")
    host.register(Plugin(), name="large")
    return Gateway(Settings.model_validate({"state_dir": None}), host=host, environ={})


def _export(connector: Connector) -> Json:
    gateway = _connector_gateway(connector)
    try:
        blueprint = make_blueprint(gateway, server_url="https://hooks.example.com")
        definition: Json = json_of(make_export(gateway.export_targets["power-platform"], blueprint))
        return definition
    finally:
        gateway.close()


def _fields(count: int, text: str = "") -> Json:
    members = {f"f{number}": {"type": "string", "description": text} for number in range(count)}
    return {"type": "object", "properties": members}


@pytest.mark.parametrize(
    ("actions", "input", "message"),
    [
        (257, _fields(1), "at most 256 operations; this one has 257"),
        (1, _fields(512), "at most 512 schemas in a body; one of large.do0 has"),
        (40, _fields(200, "Long words. " * 15), "must be smaller than 1,000,000 bytes"),
    ],
)
def test_more_than_a_connector_can_hold_is_refused_with_what_to_do(
    actions: int, input: Json, message: str
) -> None:
    connector = Connector("large", title="Large", base_url="https://large.example")
    for number in range(actions):
        connector.endpoint(f"do{number}", "POST", f"/{number}", input=input, output={"type": "object"})

    with pytest.raises(ConfigurationError, match=re.escape(message)) as caught:
        _export(connector)

    assert "--actions" in str(caught.value.hint)


def test_labels_of_choices_are_shown() -> None:
    connector = Connector("large", title="Large", base_url="https://large.example")
    sizes = [{"const": "s", "title": "Small"}, {"const": "l", "title": "Large"}]
    input: Json = {"type": "object", "properties": {"size": {"oneOf": sizes, "title": "Size"}}}
    connector.endpoint("pick", "POST", "/pick", input=input, output={"type": "object"})

    body = _export(connector)["paths"]["/actions/large.pick"]["post"]["parameters"][-1]

    assert body["schema"]["properties"]["size"] == {
        "type": "string",
        "enum": ["s", "l"],
        "x-ms-enum-values": [{"value": "s", "displayName": "Small"}, {"value": "l", "displayName": "Large"}],
        "x-ms-summary": "Size",
    }


def test_the_same_catalog_gives_the_same_bytes(export_of: ExportOf) -> None:
    first, second = export_of("power-platform"), export_of("power-platform")

    assert first.files == second.files
    assert json.loads(first.main[1])["swagger"] == "2.0"


def test_no_key_is_in_the_export(export_of: ExportOf) -> None:
    text = b"".join(export_of("power-platform").files.values())

    assert KEY.encode() not in text
    assert b"s" * 24 not in text
