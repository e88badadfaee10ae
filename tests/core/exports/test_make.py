"""Make: an app that its extension imports as it is, whose modules reach every action."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest
from tests.core.exports.conftest import CATALOGS, SERVER, ExportOf

from export_runs import gateway_of_one
from hookline.exports.blueprints import make_blueprint
from hookline.exports.export import Export, make_export
from hookline.exports.targets.make.app import module_name
from hookline.gateway import Gateway
from hookline.settings import Settings
from hookline.webhook.app import create_app
from make_rules import make_violations, names_in
from make_runner import MakeModuleError, MakeRunner
from nasty_connector import KEY, nasty_gateway

Json = dict[str, Any]
FOLDER = "hookline"


def files_of(export: Export) -> Json:
    return {
        name: content.decode() if name.endswith(".md") else orjson.loads(content)
        for name, content in export.files.items()
    }


def app_of(gateway: Gateway) -> Json:
    blueprint = make_blueprint(gateway, server_url=SERVER)
    return files_of(make_export(gateway.export_targets["make"], blueprint))


def runner_of(gateway: Gateway, key: str = KEY) -> MakeRunner:
    return MakeRunner(app_of(gateway), create_app(gateway).test_client(), key=key)


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    settings = {"api_keys": [KEY], "sandbox": True, "plugins": {"retry": {"max_attempts": 1}}}
    with closing(Gateway(Settings.model_validate(settings), environ={})) as made:
        yield made


@pytest.fixture(scope="module")
def runner(gateway: Gateway) -> MakeRunner:
    return runner_of(gateway)


@pytest.mark.parametrize("catalog", CATALOGS)
def test_every_catalog_keeps_the_rules(catalog: str, export_of: ExportOf) -> None:
    files = files_of(export_of("make", catalog))

    assert make_violations(files, folder=FOLDER) == []
    assert names_in(files, "modules")


def test_the_archive_is_what_the_extension_imports(export_of: ExportOf) -> None:
    export = export_of("make", "openai")

    with zipfile.ZipFile(io.BytesIO(export.as_archive())) as archive:
        names = archive.namelist()
        metadata = json.loads(archive.read("hookline/metadata.json"))
    assert metadata["name"] == FOLDER
    assert {name.partition("/")[0] for name in names} == {FOLDER}
    assert "hookline/modules/openaiChat/expect.imljson" in names
    assert export.as_archive() == export_of("make", "openai").as_archive()


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("openai.list_models", "openaiListModels"),
        ("a.b", "aBAction"),
        (f"acme.{'x' * 55}", f"acme{'X' + 'x' * 35}"),
    ],
)
def test_modules_have_names_that_make_takes(id: str, name: str) -> None:
    found = module_name(id)

    assert found.startswith(name)
    assert 3 <= len(found) <= 48
    assert found == module_name(id)


GONE = object()
CHAT = "modules/openaiChat"
MODEL = f"{CHAT}/expect.imljson 0"
PROMPT = f"{CHAT}/expect.imljson 1"
BASE = "base.imljson"
CONNECTION = "connections/hookline"
MODELS = "listOpenaiModelsKindChatFa6466"


def spoil(files: Json, path: str, value: object) -> None:
    """Put a value into the files of an app, or take one out; steps of the path are told apart by spaces."""
    *steps, last = path.split(" ")
    inner: Any = files
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
        ("readme.md", GONE, "readme.md: is missing"),
        ("metadata.json name", "other", "metadata.json: names another folder"),
        (".sdk version", 1, ".sdk: is not of version 2"),
        (f"{BASE} timeout", 300_001, f"{BASE}: waits for no time that Make allows"),
        (f"{BASE} baseUrl", "https://x/{{y}}", f"{BASE}: has no plain address"),
        (f"{BASE} headers", {}, f"{BASE}: does not send the key"),
        (f"{BASE} log", {}, f"{BASE}: writes the key into logs"),
        (f"{BASE} response type", "automatic", f"{BASE}: does not read problem documents"),
        (f"{BASE} response error message", "x" * 1025, f"{BASE}: has no message"),
        (f"{BASE} response error 400 type", "BadError", f"{BASE}: has no known error type for 400"),
        (f"{BASE} response error 429 type", "DataError", f"{BASE}: does not tell 429 as RateLimitError"),
        ("modules/groups.json", [], "modules/groups.json: lies where only folders may"),
        (f"{CHAT}/scope.imljson", GONE, f"{CHAT}: lacks scope"),
        (f"{CHAT}/metadata.json name", "chat", f"{CHAT}: has another name inside"),
        (f"{CHAT}/metadata.json label", "{{x}}", f"{CHAT}: has a template in its texts"),
        (f"{CHAT}/metadata.json connection", "gone", f"{CHAT}: has no connection"),
        (
            "modules/open_ai/metadata.json",
            {"name": "open_ai"},
            "modules/open_ai: has a name that Make refuses",
        ),
        (f"{CONNECTION}/api.imljson url", "/me", f"{CONNECTION}: tries no whole address"),
        (f"{CONNECTION}/api.imljson response metadata", {}, f"{CONNECTION}: gives connections no name"),
        (f"{CONNECTION}/parameters.imljson 0 type", "text", f"{CONNECTION}: does not ask for the key as a"),
        (
            f"rpcs/{MODELS}/api.imljson response output",
            {"label": "x"},
            f"rpcs/{MODELS}: does not give labels",
        ),
        (f"rpcs/{MODELS}/api.imljson response limit", 501, f"rpcs/{MODELS}: has no limit"),
        (f"{CHAT}/api.imljson method", "GET", f"{CHAT}: does not post"),
        (f"{CHAT}/api.imljson body", {}, f"{CHAT}: sends a parameter twice, or one that is not there"),
        (f"{CHAT}/api.imljson body", "{{body}}", f"{CHAT}: does not send its parameters"),
        (
            f"{CHAT}/api.imljson body",
            {"{{...}}": "{{omit(parameters, 'prompt')}}", "{{x}}": "{{parameters.prompt}}"},
            f"{CHAT}: has a template as a name",
        ),
        (f"{CHAT}/api.imljson response output", "{{body.text}}", f"{CHAT}: does not put out the body"),
        (f"{CHAT}/samples.imljson", [], f"{CHAT}: has no sample"),
        (f"{CHAT}/samples.imljson x", "{{x}}", f"{CHAT}: has a template in its sample"),
        (f"{CHAT}/expect.imljson +", {"name": "model", "type": "text"}, "parameter has the name of another"),
        (f"{PROMPT} name", "teamID", f"{CHAT}: has a parameter that Make fills in itself"),
        (f"{PROMPT} name", "{{x}}", "parameter '{{x}}' has a name that Make refuses"),
        (f"{PROMPT} type", "string", "parameter 'prompt' has no type that Make knows"),
        (f"{PROMPT} label", "x" * 257, "parameter 'prompt' has no text as label"),
        (f"{PROMPT} help", "{{x}}", "parameter 'prompt' has a template in its texts"),
        (f"{PROMPT} validate", {"pattern": "x"}, "parameter 'prompt' is validated by"),
        (f"{MODEL} advanced", True, "parameter 'model' is hidden, but has to be filled in"),
        (f"{MODEL} options", "rpc://gone", "parameter 'model' has a dropdown that nothing fills"),
        (f"{MODEL} options", [], "parameter 'model' has no options"),
        (f"{MODEL} type", "array", "parameter 'model' does not say what its entries are"),
        (f"{CHAT}/interface.imljson 3 spec 0 type", "string", "output 'usage' 'input_tokens' has no type"),
        ("groups.json 0 modules", [], "groups.json: does not hold each module once"),
        ("makecomapp.json components module", {}, "makecomapp.json: does not name each module"),
        ("makecomapp.json generalCodeFiles base", "gone", "makecomapp.json: leads to gone"),
    ],
)
def test_every_rule_can_be_broken(path: str, value: object, wrong: str, export_of: ExportOf) -> None:
    files = files_of(export_of("make", "openai"))
    spoil(files, path, value)

    found = make_violations(files, folder=FOLDER)
    assert [one for one in found if wrong in one], found


def test_a_connection_is_tried_and_named_by_its_key(runner: MakeRunner, gateway: Gateway) -> None:
    client = create_app(gateway).test_client()
    told = client.get("/me", headers={"Authorization": f"Bearer {KEY}"}).get_json()

    assert runner.connect() == told["label"]


def test_a_wrong_key_is_told_when_it_is_tried(gateway: Gateway) -> None:
    with pytest.raises(MakeModuleError, match=r"^InvalidAccessTokenError: \[401\] ."):
        runner_of(gateway, key="wrong").connect()


def test_dropdowns_give_labels_and_values(runner: MakeRunner) -> None:
    rows = runner.rows(MODELS)

    assert {"label": "gpt-5.4-mini", "value": "gpt-5.4-mini"} in rows


def test_a_dropdown_asks_what_its_parameter_says() -> None:
    with closing(nasty_gateway()) as gateway:
        files = app_of(gateway)
        runner = runner_of(gateway)
        names = names_in(files, "rpcs")
        rows = [runner.rows(name) for name in names]

    assert sorted(files[f"rpcs/{name}/api.imljson"]["qs"].get("group", "") for name in names) == ["", "a b&c"]
    assert rows[0] == [
        {"label": "Kind „a“", "value": "a b&c"},
        {"label": "<b>Kind</b>", "value": 'q"uote'},
    ]


def test_every_module_runs_with_its_samples(runner: MakeRunner, gateway: Gateway) -> None:
    files = app_of(gateway)
    ran = set()
    for action in make_blueprint(gateway, server_url=SERVER).actions:
        module = module_name(action.id)
        known = {one["name"] for one in files[f"modules/{module}/interface.imljson"]}
        for sample in action.samples:
            answer = runner.run(module, runner.type_in(module, sample.input))
            assert set(answer) <= known, module
            ran.add(module)

    assert ran == set(names_in(files, "modules"))


def missing_in(sample: Any, interface: list[Json], place: str) -> list[str]:
    """Return the places of an interface that a sample does not hold."""
    found: list[str] = []
    for one in interface:
        own = f"{place}.{one['name']}"
        entries = sample if isinstance(sample, list) else [sample]
        values = [entry[one["name"]] for entry in entries if isinstance(entry, dict) and one["name"] in entry]
        if not values:
            found.append(own)
        elif isinstance(one.get("spec"), list):
            found += missing_in(values[0], one["spec"], own)
    return found


@pytest.mark.parametrize("catalog", CATALOGS)
def test_every_output_stands_in_the_sample(catalog: str, export_of: ExportOf) -> None:
    files = files_of(export_of("make", catalog))
    missing = [
        place
        for module in names_in(files, "modules")
        for place in missing_in(
            files[f"modules/{module}/samples.imljson"], files[f"modules/{module}/interface.imljson"], module
        )
    ]

    assert missing == []


def test_a_list_is_mapped_where_text_is_typed(runner: MakeRunner, gateway: Gateway) -> None:
    parameters = {one["name"]: one for one in app_of(gateway)["modules/openaiChat/expect.imljson"]}
    answer = runner.run("openaiChat", {"model": "gpt-4o-mini", "prompt": "Hi.", "stop": ["a", "b"], "n": "2"})

    assert parameters["stop"]["type"] == "any"
    assert parameters["n"] | {"help": ""} == {
        "name": "n",
        "label": parameters["n"]["label"],
        "type": "uinteger",
        "validate": {"min": 1, "max": 128},
        "required": False,
        "help": "",
        "advanced": True,
    }
    assert len(answer["choices"]) == 2


def test_raw_json_reaches_what_the_form_cannot_show(runner: MakeRunner) -> None:
    answer = runner.run(
        "openaiChat", {"model": "gpt-4o-mini", "prompt": "Hi.", "raw_json": '{"n": 3, "stop": ["a"]}'}
    )

    assert len(answer["choices"]) == 3


def test_fields_of_any_name_arrive_under_it() -> None:
    typed = {"größe": "1.5", "名前": "Ada", "with space": "a", "items": "b", "": "c", "1st": "false"}
    with closing(nasty_gateway()) as gateway:
        runner = runner_of(gateway)
        answer = runner.run("nastyNames", runner.type_in("nastyNames", {**typed, "curly {{brace}}": "d"}))

    assert answer == {**typed, "größe": 1.5, "1st": False, "curly {{brace}}": "d", "warnings": []}


def test_choices_keep_their_types(export_of: ExportOf) -> None:
    parameters = files_of(export_of("make", "nasty"))["modules/nastyShapes/expect.imljson"]
    mixed = next(one for one in parameters if one["name"] == "mixed")

    assert [option["value"] for option in mixed["options"]] == ["a", 1, 1.5, True]


@pytest.mark.parametrize(
    ("model", "kind", "status"),
    [
        ("sandbox-429", "RateLimitError", 429),
        ("sandbox-billing", "RuntimeError", 402),
        ("sandbox-status-401", "RuntimeError", 502),
        ("sandbox-status-500", "ConnectionError", 502),
        ("sandbox-status-503", "ConnectionError", 502),
        ("sandbox-status-504", "ConnectionError", 504),
        ("sandbox-html", "ConnectionError", 502),
    ],
)
def test_what_goes_wrong_is_told_as_make_treats_it(
    runner: MakeRunner, model: str, kind: str, status: int
) -> None:
    with pytest.raises(MakeModuleError) as caught:
        runner.run("openaiChat", {"model": model, "prompt": "Hi."})

    assert caught.value.kind == kind
    assert caught.value.message.startswith(f"[{status}] ")
    assert len(caught.value.message) > len("[429] ")


def test_a_call_that_goes_on_as_a_job_is_not_repeated() -> None:
    options = {"jobs": {"wait_s": 0.2, "grace_s": 0}, "retry": {"max_attempts": 1}}
    settings = {"api_keys": [KEY], "sandbox": True, "plugins": options}
    with closing(Gateway(Settings.model_validate(settings), environ={})) as gateway:
        files = app_of(gateway)
        del files["modules/openaiChat/api.imljson"]["qs"]
        runner = MakeRunner(files, create_app(gateway).test_client(), key=KEY)
        with pytest.raises(MakeModuleError, match=r"^RuntimeError: \[504\] .*/jobs/job_"):
            runner.run("openaiChat", {"model": "sandbox-slow-first-byte-2", "prompt": "Hi."})


def test_what_is_missing_is_said_by_name(runner: MakeRunner) -> None:
    with pytest.raises(MakeModuleError, match=r"^DataError: \[422\] `prompt` is required, or `messages`\."):
        runner.run("openaiChat", {"model": "gpt-5.4-mini"})


def test_modules_wait_as_long_as_make_does(gateway: Gateway) -> None:
    files = app_of(gateway)

    assert files["base.imljson"]["timeout"] == 300_000
    assert {files[f"modules/{name}/api.imljson"]["qs"]["profile"] for name in names_in(files, "modules")} == {
        "make-long"
    }


def test_choices_that_make_takes_for_templates_are_left_out_and_noted() -> None:
    members: Json = {
        "some": {"enum": ["a", "{{x}}", ""]},
        "all": {"enum": ["{{x}}", "{{y}}"]},
        "list": {"type": "array", "items": {"enum": ["b", "{{y}}"]}},
        "free": {"type": "array", "items": {"enum": ["{{z}}"]}},
        "text": {"type": "string", "default": "{{x}}"},
    }
    gateway = gateway_of_one({"type": "object", "properties": members, "required": ["text"]})
    export = make_export(gateway.export_targets["make"], make_blueprint(gateway, server_url=SERVER))

    fields = {one["name"]: one for one in files_of(export)["modules/acmeSay/expect.imljson"]}
    losses = {loss.place: (loss.lost, loss.instead) for loss in export.losses if loss.place in members}
    lost = "These cannot be chosen, as Make would take them for templates: "
    assert fields["some"]["options"] == [{"label": "a", "value": "a"}, {"label": "(empty)", "value": ""}]
    assert fields["list"]["options"] == [{"label": "b", "value": "b"}]
    assert fields["free"]["type"] == "array"
    assert "all" not in fields
    assert "default" not in fields["text"]
    assert losses == {
        "some": (lost + "{{x}}", raw("some", "{{x}}")),
        "list": (lost + "{{y}}", raw("list", ["{{y}}"])),
        "free": (lost + "{{z}}", raw("free", ["{{z}}"])),
        "all": ("No field: Make would take all of its values for templates.", raw("all", "{{x}}")),
    }


def raw(name: str, value: object) -> str:
    return f"Put it into Raw JSON: {json.dumps({name: value})}"
