"""Zapier: an app without JavaScript whose steps reach every action."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from tests.core.exports.conftest import CATALOGS, SERVER, ExportOf, json_of

from export_runs import gateway_of_one
from hookline.exports.blueprints import make_blueprint
from hookline.exports.export import make_export
from hookline.gateway import Gateway
from hookline.settings import Settings
from hookline.webhook.app import create_app
from nasty_connector import KEY, nasty_gateway
from zapier_rules import zapier_violations
from zapier_runner import ZapierRunner, ZapierStepError, paths_in

if TYPE_CHECKING:
    from hookline.exports.blueprint import ActionBlueprint

Json = dict[str, Any]


def app_of(gateway: Gateway) -> Json:
    export = make_export(gateway.export_targets["zapier"], make_blueprint(gateway, server_url=SERVER))
    return dict(json_of(export))


def actions_of(gateway: Gateway) -> tuple[ActionBlueprint, ...]:
    return make_blueprint(gateway, server_url=SERVER).actions


def field_of(app: Json, create: str, key: str) -> Json:
    fields = app["creates"][create]["operation"]["inputFields"]
    return dict(next(field for field in fields if field["key"] == key))


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    settings = {"api_keys": [KEY], "sandbox": True, "plugins": {"retry": {"max_attempts": 1}}}
    with closing(Gateway(Settings.model_validate(settings), environ={})) as made:
        yield made


@pytest.fixture(scope="module")
def runner(gateway: Gateway) -> ZapierRunner:
    return ZapierRunner(app_of(gateway), create_app(gateway).test_client(), key=KEY)


@pytest.mark.parametrize("catalog", CATALOGS)
def test_every_catalog_keeps_the_rules(catalog: str, export_of: ExportOf) -> None:
    app = json_of(export_of("zapier", catalog))

    assert zapier_violations(app) == []
    assert app["creates"]


def test_the_same_catalog_gives_the_same_bytes(export_of: ExportOf) -> None:
    assert dict(export_of("zapier").files) == dict(export_of("zapier").files)


def test_the_folder_is_what_the_tools_of_zapier_look_for(export_of: ExportOf) -> None:
    files = export_of("zapier").files

    assert list(files) == ["app.json", "index.js", "package.json"]
    assert files["index.js"] == b"module.exports = require('./app.json');\n"
    package, app = json.loads(files["package.json"]), json.loads(files["app.json"])
    assert package["main"] == "index.js"
    assert package["dependencies"] == {"zapier-platform-core": app["platformVersion"]}


CHAT = "creates.openai_chat"
MODELS = "openai_models_kind_chat_fa6466"
MODEL = f"{CHAT}.operation.inputFields.0"
PROMPT = f"{CHAT}.operation.inputFields.1"
GONE = object()


def spoil(app: Json, path: str, value: object) -> None:
    """Put a value into an app, or take one out."""
    *steps, last = path.split(".")
    inner: Any = app
    for step in steps:
        inner = inner[int(step)] if isinstance(inner, list) else inner[step]
    if isinstance(inner, list):
        inner.append(value)
    elif value is GONE:
        del inner[last]
    else:
        inner[last] = value


@pytest.mark.parametrize(
    ("path", "value", "wrong"),
    [
        ("version", "1", "version: has to be like 1.0.0"),
        ("authentication.type", "basic", "authentication: is not custom"),
        ("authentication.test", GONE, "authentication: has no test"),
        ("authentication.connectionLabel", GONE, "authentication: has no label from its test"),
        ("authentication.fields.0.type", "string", "authentication: shows api_key"),
        ("requestTemplate.headers", {}, "requestTemplate: does not send the key"),
        (f"{CHAT}.operation.perform.source", "return 1", "app: holds JavaScript"),
        (f"{CHAT}.key", "chat", f"{CHAT}: has another key inside"),
        (f"{CHAT}.noun", "x", f"{CHAT}: has no noun"),
        (f"{CHAT}.display.label", "x" * 65, f"{CHAT}: has no label"),
        (f"{CHAT}.display.label", "{{x}}", f"{CHAT}: has a template in its texts"),
        (f"{CHAT}.display.description", "", f"{CHAT}: has no description"),
        (f"{CHAT}.operation.sample", {}, f"{CHAT}: has an empty sample"),
        (f"{CHAT}.operation.inputFieldGroups.+", {"key": "Basic"}, f"{CHAT}: has groups that share a key"),
        (f"{CHAT}.operation.inputFields.+", {"key": "model"}, f"{CHAT}: has two fields of one key"),
        (f"{PROMPT}.key", "constructor", "field 'constructor' has no plain key"),
        (f"{PROMPT}.type", "any", "field 'prompt' has no type"),
        (f"{PROMPT}.default", 1, "field 'prompt' has no text as default"),
        (f"{PROMPT}.helpText", "x" * 1001, "field 'prompt' has no text as helpText"),
        (f"{PROMPT}.placeholder", "{{x}}", "field 'prompt' has a template as placeholder"),
        (f"{PROMPT}.choices", [1], "field 'prompt' has choices that are no texts"),
        (f"{PROMPT}.group", "gone", "field 'prompt' is in no known group"),
        (f"{MODEL}.choices", ["a"], "field 'model' has dynamic and choices"),
        (f"{MODEL}.dynamic", "gone.id.name", "field 'model' has a dropdown that nothing fills"),
        (f"triggers.{MODELS}.display.hidden", False, "has a dropdown that starts zaps"),
        (f"{CHAT}.operation.outputFields.0.key", "", f"{CHAT}: has two outputs of one key, or one without"),
        (f"{CHAT}.operation.outputFields.0.type", "text", "output 'text' says what outputs cannot"),
        (f"{CHAT}.operation.perform", "$func$2$f$", f"{CHAT}: has no request"),
        (f"{CHAT}.operation.perform.url", "http://x", f"{CHAT}: has no plain address"),
        (f"{CHAT}.operation.perform.method", "GET", f"{CHAT}: does not post"),
        (f"{CHAT}.operation.perform.removeMissingValuesFrom", GONE, f"{CHAT}: sends what is not filled in"),
        (f"{CHAT}.operation.perform.body.prompt", GONE, f"{CHAT}: does not send each field once"),
        (f"{CHAT}.operation.perform.body.prompt", "a {{b}}", f"{CHAT}: sends what is no field"),
        (f"{CHAT}.operation.throttle", {}, f"{CHAT}: has no throttle"),
        ("creates.a-b", {"key": "a-b", "operation": {}}, "creates.a-b: has a key that Zapier refuses"),
    ],
)
def test_every_rule_can_be_broken(path: str, value: object, wrong: str, export_of: ExportOf) -> None:
    app = json_of(export_of("zapier", "openai"))
    spoil(app, path, value)

    assert [one for one in zapier_violations(app) if one.startswith(wrong) or wrong in one]


def test_a_connection_is_tried_and_named_by_its_key(runner: ZapierRunner, gateway: Gateway) -> None:
    client = create_app(gateway).test_client()
    told = client.get("/me", headers={"Authorization": f"Bearer {KEY}"}).get_json()

    assert runner.connect() == told["label"]


def test_a_wrong_key_is_told_when_it_is_tried(gateway: Gateway) -> None:
    stranger = ZapierRunner(app_of(gateway), create_app(gateway).test_client(), key="wrong")

    with pytest.raises(ZapierStepError, match=r"^401: "):
        stranger.connect()


def test_a_dropdown_offers_what_its_field_takes(runner: ZapierRunner, gateway: Gateway) -> None:
    app = app_of(gateway)
    rows = {
        key: runner.rows(field)
        for key, create in app["creates"].items()
        for field in create["operation"]["inputFields"]
        if "dynamic" in field
    }

    assert set(rows) == {"openai_chat", "openai_complete", "openai_edit", "openai_embed", "openai_moderate"}
    assert ("gpt-5.4-mini", "gpt-5.4-mini") in rows["openai_chat"]
    assert ("text-embedding-3-small", "text-embedding-3-small") in rows["openai_embed"]


def test_a_dropdown_asks_what_its_field_says() -> None:
    with closing(nasty_gateway()) as gateway:
        app = app_of(gateway)
        runner = ZapierRunner(app, create_app(gateway).test_client(), key=KEY)
        rows = runner.rows(field_of(app, "nasty_picks", "kind"))

    urls = {one["operation"]["perform"]["url"] for one in app["triggers"].values()}
    assert rows == [("a b&c", "Kind „a“"), ('q"uote', "<b>Kind</b>")]
    assert urls == {
        f"{SERVER}/options/nasty.kinds?group=a+b%26c&format=array&limit=1000",
        f"{SERVER}/options/nasty.kinds?format=array&limit=1000",
    }
    assert "dynamic" not in field_of(app, "nasty_picks", "gone")


def test_every_action_runs_with_its_samples(runner: ZapierRunner, gateway: Gateway) -> None:
    app = app_of(gateway)
    mapped: dict[str, int] = {}
    for action in actions_of(gateway):
        key = action.id.replace(".", "_")
        outputs = app["creates"][key]["operation"]["outputFields"]
        for sample in action.samples:
            answer = runner.run(key, runner.type_in(key, sample.input))
            found = [field["key"] for field in outputs if any(paths_in(answer, field["key"]))]
            tops = {
                path.partition("[]")[0].partition("__")[0] for path in (field["key"] for field in outputs)
            }
            assert set(answer) <= tops, action.id
            mapped[key] = max(mapped.get(key, 0), len(found))

    assert set(mapped) == set(app["creates"])
    assert min(mapped.values()) >= 2


@pytest.mark.parametrize("catalog", CATALOGS)
def test_every_output_stands_in_the_sample(catalog: str, export_of: ExportOf) -> None:
    app = json_of(export_of("zapier", catalog))
    missing = [
        (key, field["key"])
        for key, create in app["creates"].items()
        for field in create["operation"]["outputFields"]
        if not paths_in(create["operation"]["sample"], field["key"])
    ]

    assert missing == []


def test_raw_json_reaches_what_the_form_cannot_show(runner: ZapierRunner) -> None:
    answer = runner.run(
        "openai_chat",
        {"model": "gpt-4o-mini", "prompt": "Hi.", "raw_json": '{"stop": ["a", "b"], "n": 2}'},
    )

    assert len(answer["choices"]) == 2


def test_what_is_missing_is_said_by_name(runner: ZapierRunner) -> None:
    with pytest.raises(ZapierStepError, match=r"^422: `prompt` is required, or `messages`\."):
        runner.run("openai_chat", {"model": "gpt-5.4-mini"})


def test_the_rate_limit_of_the_service_is_told_as_such(runner: ZapierRunner) -> None:
    with pytest.raises(ZapierStepError, match=r"^429: "):
        runner.run("openai_chat", {"model": "sandbox-429", "prompt": "Hi."})


def test_fields_of_any_name_arrive_under_it() -> None:
    typed = {
        "größe": "1.5",
        "名前": "Ada",
        "with space": "a",
        "curly {{brace}}": "b",
        "": "c",
        "1st": "false",
    }
    with closing(nasty_gateway()) as gateway:
        runner = ZapierRunner(app_of(gateway), create_app(gateway).test_client(), key=KEY)
        answer = runner.run("nasty_names", runner.type_in("nasty_names", typed))

    assert answer == {**typed, "größe": 1.5, "1st": False, "warnings": []}


def test_a_list_arrives_as_a_list_of_numbers() -> None:
    with closing(nasty_gateway()) as gateway:
        app = app_of(gateway)
        runner = ZapierRunner(app, create_app(gateway).test_client(), key=KEY)
        answer = runner.run("nasty_free", {"numbers": ["1", "2.5"], "counts": '{"a": 1}'})

    assert field_of(app, "nasty_free", "numbers")["list"] is True
    assert answer == {"numbers": [1.0, 2.5], "counts": {"a": 1}, "warnings": []}


def test_choices_are_those_that_a_form_can_send(export_of: ExportOf) -> None:
    export = export_of("zapier", "nasty")
    losses = {loss.place: loss.instead for loss in export.losses if loss.action == "nasty.shapes"}

    choices = field_of(json_of(export), "nasty_shapes", "mixed")["choices"]
    assert [choice["value"] for choice in choices] == ["a"]
    assert losses["mixed"] == 'Put it into Raw JSON: {"mixed": 1}'
    assert losses["only"] == 'Put it into Raw JSON: {"only": 7}'


def test_what_the_form_cannot_show_is_noted_with_a_way_around(export_of: ExportOf) -> None:
    losses = {(loss.action, loss.place): loss for loss in export_of("zapier", "openai").losses}

    assert losses["openai.chat", "stop"].instead == 'Put them into Raw JSON: {"stop": ["text"]}'
    assert "Raw JSON" in losses["openai.chat", "messages"].instead
    assert losses["openai.chat", ""].lost == "The form cannot insist on one of prompt or messages."
    assert losses["openai.chat", "stream, stream_options"].instead == "The whole answer comes at once."


def test_an_empty_choice_is_told_of_by_words() -> None:
    gateway = gateway_of_one({"type": "object", "properties": {"some": {"enum": ["a", ""]}}})
    export = make_export(gateway.export_targets["zapier"], make_blueprint(gateway, server_url=SERVER))

    [loss] = [loss for loss in export.losses if loss.place == "some"]

    assert loss.lost == "These cannot be chosen, as a form sends texts: (empty text)"
    assert loss.instead.endswith('{"some": ""}')
