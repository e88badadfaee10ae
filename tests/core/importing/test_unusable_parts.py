"""Parts of a document that no gateway takes are left out, and nothing is put in their place."""

from __future__ import annotations

import json
import time
from typing import cast

import pytest

from hookline.importing import reasons
from hookline.importing.checking import leave_out_unusable
from hookline.importing.command import settings_of
from hookline.importing.fields import InputField, make_form
from hookline.importing.findings import Findings
from hookline.importing.heading import heading_of
from hookline.importing.openapi import Imported, import_openapi
from hookline.importing.schemas import free_name
from hookline.importing.texts import clean
from hookline.manifest.loading import connector_from
from hookline.manifest.writing import write_manifest_text

JsonObject = dict[str, object]
TEXT: JsonObject = {"type": "string"}
OK: JsonObject = {"200": {"description": "ok"}}
GOOD = "https://api.example.com/v1"


def read(paths: JsonObject, **more: object) -> Imported:
    document: JsonObject = {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "servers": [{"url": GOOD}],
        "paths": paths,
        **more,
    }
    return import_openapi(json.dumps(document).encode(), connector_id="acme", name="document.json")


def one(scheme: JsonObject) -> Imported:
    return read(
        {"/a": {"get": {"responses": OK}}},
        components={"securitySchemes": {"it": scheme}},
        security=[{"it": []}],
    )


def machine(url: str, *scopes: str) -> JsonObject:
    flow = {"tokenUrl": url, "scopes": dict.fromkeys(scopes, "")}
    return {"type": "oauth2", "flows": {"clientCredentials": flow}}


@pytest.mark.parametrize(
    "scheme",
    [
        machine("https://auth.example.com:99999/token"),
        {"type": "apiKey", "in": "header", "name": "Content-Type"},
        {"type": "apiKey", "in": "header", "name": "X-Idempotency-Key\u00e4"},
    ],
)
def test_a_credential_that_no_gateway_shows_is_shown_in_no_other_way(scheme: JsonObject) -> None:
    made = one(scheme)
    connector = connector_from(write_manifest_text(made.manifest).encode(), name="acme.yaml")
    assert made.manifest["credential"] == "none"
    assert connector.credential is None
    assert "API_KEY" not in heading_of(made, "acme")
    assert settings_of(made, "acme") == []
    assert made.security.notes != []


def test_scopes_that_cannot_be_asked_for_are_left_out() -> None:
    made = one(machine("https://auth.example.com/token", "read", "wri te", 'a"b', ""))
    credential = cast("JsonObject", made.manifest["credential"])
    assert credential == {
        "kind": "oauth2",
        "token_url": "https://auth.example.com/token",
        "scopes": ["read"],
    }


@pytest.mark.parametrize("bad", ["https://[::1/", "https://a.example:99999/", "https://[x]/", "//[::1/"])
def test_a_server_that_is_no_address_gives_way_to_the_next(bad: str) -> None:
    document = {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "servers": [{"url": bad}, {"url": GOOD}],
        "paths": {"/a": {"get": {"responses": OK}}},
    }
    for url in (None, "https://docs.example.com/openapi.json"):
        content = json.dumps(document).encode()
        made = import_openapi(content, connector_id="acme", name="document.json", url=url)
        assert made.manifest["base_url"] == GOOD


def test_an_object_in_a_cookie_does_not_go_into_the_query() -> None:
    session = {"name": "session", "in": "cookie", "schema": {"type": "object", "properties": {"token": TEXT}}}
    made = read({"/a": {"get": {"parameters": [session], "responses": OK}}})
    action = next(iter(cast("dict[str, JsonObject]", made.manifest["actions"]).values()))
    assert "token" not in json.dumps(action)
    assert "cookie session" in {found.what for reason in made.findings for found in made.findings.of(reason)}


def test_a_header_of_the_operation_wins_over_that_of_the_path_whatever_its_case() -> None:
    of_path = {"name": "X-Trace", "in": "header", "schema": TEXT}
    own = {"name": "x-trace", "in": "header", "schema": {"type": "integer"}}
    made = read({"/a": {"parameters": [of_path], "get": {"parameters": [own], "responses": OK}}})
    action = next(iter(cast("dict[str, JsonObject]", made.manifest["actions"]).values()))
    fields = cast("dict[str, JsonObject]", cast("JsonObject", action["input"])["properties"])
    assert fields == {"x_trace": {"type": "integer"}}


def test_however_many_actions_are_unusable_the_others_are_kept() -> None:
    fields = {"type": "object", "properties": {"a": TEXT, "b": TEXT}}
    twice = {"where": "header", "name": "x-a"}
    bad = {"method": "GET", "path": "/b", "input": fields, "places": {"a": twice, "b": twice}}
    good = {"method": "GET", "path": "/g", "output": {"type": "object"}}
    actions: JsonObject = {f"b{n}": {**bad, "output": {"type": "object"}} for n in range(1_100)}
    actions |= {f"m{n}": {} for n in range(1_100)} | {"good": good}
    manifest: JsonObject = {
        "manifest": 1,
        "id": "acme",
        "title": "Acme",
        "base_url": GOOD,
        "credential": "none",
        "actions": actions,
    }
    findings = Findings()
    connector = leave_out_unusable(manifest, findings, name="document.json")
    assert list(connector.actions) == ["acme.good"]
    assert list(cast("JsonObject", manifest["actions"])) == ["good"]
    assert findings.counts[reasons.REFUSED] >= 1


def test_names_that_are_cleaned_to_the_same_are_counted_once_each() -> None:
    fields = [InputField(name="!" * n, where="query", schema={}) for n in range(1, 8_001)]
    taken: dict[str, JsonObject] = {}
    numbers: dict[str, int] = {}
    begun_s = time.process_time()
    form = make_form(fields, takes_body=False, others=False, findings=Findings(), place="GET /a")
    for _ in range(8_000):
        taken[free_name("part", taken, numbers)] = {}
    assert time.process_time() - begun_s < 2
    assert len(set(form.names.values())) == len(fields)
    assert list(taken)[:3] == ["part", "part_2", "part_3"]


def test_a_description_that_stands_in_many_places_is_cleaned_once() -> None:
    text = "<p>&amp; [a](b) " * 1_250
    begun_s = time.process_time()
    assert len({clean(text, 300) for _ in range(5_000)}) == 1
    assert time.process_time() - begun_s < 1
