"""What parts of a document become: schemas, names, servers, credentials, pages."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import cast

import jsonschema
import pytest
import yaml
from openapi_spec_validator.schemas import (
    get_schema_content_v2,
    get_schema_content_v30,
    get_schema_content_v31,
)

from hookline.gateway import Gateway, load_plugins
from hookline.importing import repeats
from hookline.importing.naming import Candidate, name_all, shorten
from hookline.importing.openapi import Imported, import_openapi
from hookline.importing.texts import clean, label
from hookline.settings import Settings
from hookline.webhook.app import create_app

JsonObject = dict[str, object]
FOLDER = Path(__file__).parent / "documents"
NASTY = Path(__file__).parent / "nasty_openapi"
KEY = "a-key-for-tests-only-0001"
TEXT: JsonObject = {"type": "string"}
OK: JsonObject = {"200": {"description": "ok"}}


def import_value(document: JsonObject, connector_id: str = "acme") -> Imported:
    return import_openapi(json.dumps(document).encode(), connector_id=connector_id, name="document.json")


def document(paths: JsonObject, *, version: str = "3.0.3", **more: object) -> JsonObject:
    info = {"title": "T", "version": "1"}
    servers = [{"url": "https://api.example.com/v1/"}]
    return {"openapi": version, "info": info, "servers": servers, "paths": paths, **more}


def action(imported: Imported, verb: str) -> JsonObject:
    actions = cast("dict[str, JsonObject]", imported.manifest["actions"])
    return actions[verb]


def field(schema: JsonObject, *, version: str = "3.0.3", **components: object) -> JsonObject:
    """Return what a schema becomes as a field of a body."""
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": {"it": schema}}}}}
    paths: JsonObject = {"/a": {"post": {"operationId": "send", "requestBody": body, "responses": OK}}}
    made = import_value(document(paths, version=version, components={"schemas": components}))
    given = cast("JsonObject", action(made, "send")["input"])
    return cast("dict[str, JsonObject]", given["properties"])["it"]


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        (
            {"type": "string", "nullable": True, "enum": ["a"]},
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (
            {"type": "number", "minimum": 0, "exclusiveMinimum": True},
            {"type": "number", "exclusiveMinimum": 0},
        ),
        ({"type": "number", "maximum": 9, "exclusiveMaximum": False}, {"type": "number", "maximum": 9}),
        ({"type": "integer", "format": "int64"}, {"type": "integer"}),
        (
            {"type": "integer", "format": "int32", "minimum": 1},
            {"type": "integer", "minimum": 1, "maximum": 2147483647},
        ),
        ({"type": "string", "format": "byte"}, {"type": "string", "contentEncoding": "base64"}),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "example": "Rex"}, {"type": "string", "examples": ["Rex"]}),
        ({"type": "string", "enum": [1, True]}, {"type": "string", "enum": ["1", "true"]}),
        ({"type": "integer", "default": "soon"}, {"type": "integer"}),
        ({"type": "int"}, {"type": "integer"}),
        (
            {"type": "string", "minLength": "3", "maxLength": 9.0},
            {"type": "string", "minLength": 3, "maxLength": 9},
        ),
        (
            {"oneOf": [{"type": "string"}, {"type": "integer"}]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        ),
        (
            {"type": "array", "items": {}, "uniqueItems": True},
            {"type": "array", "items": {}, "uniqueItems": True},
        ),
        (
            {"properties": {"a": {"type": "string"}}},
            {"type": "object", "properties": {"a": {"type": "string"}}},
        ),
        (
            {"type": "string", "xml": {}, "externalDocs": {}, "x-more": 1, "discriminator": {}},
            {"type": "string"},
        ),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_a_schema_of_3_0_becomes_one_of_json_schema(given: JsonObject, made: JsonObject) -> None:
    assert field(given) == made


@pytest.mark.parametrize(
    ("given", "value", "fits"),
    [
        ({"nullable": True, "allOf": [{"$ref": "#/components/schemas/Name"}]}, None, True),
        ({"nullable": True, "allOf": [{"$ref": "#/components/schemas/Name"}]}, "Rex", True),
        ({"nullable": True, "allOf": [{"$ref": "#/components/schemas/Name"}]}, 5, False),
        ({"$ref": "#/components/schemas/Tree"}, {"name": "a", "inner": {"name": "b", "inner": None}}, True),
        ({"$ref": "#/components/schemas/Tree"}, {"name": "a", "inner": {"inner": None}}, False),
    ],
)
def test_what_a_schema_takes_stays_the_same(given: JsonObject, value: object, fits: bool) -> None:
    name = {"type": "string"}
    tree = {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": name,
            "inner": {"nullable": True, "allOf": [{"$ref": "#/components/schemas/Tree"}]},
        },
    }
    body = {"content": {"application/json": {"schema": {"type": "object", "properties": {"it": given}}}}}
    paths: JsonObject = {"/a": {"post": {"operationId": "send", "requestBody": body, "responses": OK}}}
    made = import_value(document(paths, components={"schemas": {"Name": name, "Tree": tree}}))
    schema = {**cast("JsonObject", action(made, "send")["input"]), "$defs": made.manifest["schemas"]}

    assert jsonschema.Draft202012Validator(schema).is_valid({"it": value}) is fits


def test_keywords_of_3_1_are_kept() -> None:
    given: JsonObject = {
        "type": ["integer", "null"],
        "exclusiveMinimum": 0,
        "examples": [7, 8],
        "not": {"const": 5},
    }

    assert field(given, version="3.1.0") == {
        "type": ["integer", "null"],
        "exclusiveMinimum": 0,
        "examples": [7],
        "not": {"const": 5},
    }


def test_a_type_that_is_its_subtypes_keeps_its_fields() -> None:
    imported = import_openapi((FOLDER / "pets_3.0.yaml").read_bytes(), connector_id="pets", name="pets.yaml")
    schemas = cast("JsonObject", imported.manifest["schemas"])
    checked = {"$ref": "#/$defs/Cat", "$defs": schemas}

    assert jsonschema.Draft202012Validator(checked).is_valid({"kind": "cat", "lives": 9})
    assert not jsonschema.Draft202012Validator(checked).is_valid({"lives": 9})
    assert not jsonschema.Draft202012Validator(checked).is_valid({"kind": "cat"})


@pytest.mark.parametrize(
    ("operation_id", "method", "path", "verb"),
    [
        ("listPets", "get", "/pets", "list_pets"),
        ("repos/list-for-org", "get", "/orgs/{org}/repos", "repos_list_for_org"),
        ("PetsController_findAll", "get", "/pets", "pets_find_all"),
        ("read_item_items__item_id__get", "get", "/items/{item_id}", "read_item"),
        ("getUserUsingGET_1", "get", "/user", "get_user"),
        ("HTTPServerStatus", "get", "/s", "http_server_status"),
        ("", "get", "/v1/pets", "list_pets"),
        ("", "get", "/v1/pets/{petId}", "get_pets_by_pet_id"),
        ("", "post", "/pets/{id}/photo", "create_pets_photo"),
        ("", "delete", "/", "delete_root"),
        ("Größe_ändern", "put", "/g", "grosse_andern"),
        ("获取宠物", "get", "/pets", "list_pets"),
        ("123start", "post", "/s", "post_123_start"),
    ],
)
def test_a_verb_is_readable(operation_id: str, method: str, path: str, verb: str) -> None:
    one = Candidate(method=method, path=path, operation_id=operation_id)

    if "ö" in operation_id:
        verb = name_all([one], connector_id="acme")[method, path]
        assert verb.startswith("gro")
    else:
        assert name_all([one], connector_id="acme") == {(method, path): verb}


def test_verbs_do_not_depend_on_the_order_of_the_document() -> None:
    generator = random.Random(7)
    candidates = [
        Candidate(
            method=generator.choice(["get", "post"]),
            path=f"/{number}",
            operation_id=generator.choice(["same", "Same", "other", "", "very" * 30 + str(number % 3)]),
        )
        for number in range(200)
    ]
    first = name_all(candidates, connector_id="acme")
    generator.shuffle(candidates)

    assert name_all(candidates, connector_id="acme") == first
    assert len(set(first.values())) == 200
    assert max(map(len, first.values())) <= 55


def test_a_name_is_shortened_by_small_words_and_then_at_the_end_of_a_word() -> None:
    assert shorten("list_the_pets_of_a_keeper_for_the_year", 30) == "list_the_pets_of_a_keeper_year"
    assert shorten("replace_persistent_volume_claim_status", 20) == "replace_persistent"
    assert shorten("x" * 50, 20) == "x" * 20


def test_texts_lose_html_and_addresses_and_end_with_a_sentence() -> None:
    assert (
        clean("<p>Find <b>pets</b>.</p><p>See [the docs](https://x.example/y).</p>", 200)
        == "Find pets.\nSee the docs."
    )
    assert clean("One sentence. " * 20, 50) == "One sentence. One sentence. One sentence."
    assert clean("word " * 30, 30) == "word word word word word…"
    assert clean("a\x1b[31mb\u202e", 30) == "a [31mb\u202e"
    assert [label(one) for one in ("createdAt", "X-Trace-Id", "user_id")] == [
        "Created at",
        "X trace id",
        "User id",
    ]


def test_the_base_url_is_the_first_sound_server_with_its_defaults() -> None:
    imported = import_openapi(
        (NASTY / "servers_elsewhere.yaml").read_bytes(), connector_id="acme", name="s.yaml"
    )

    assert imported.manifest["base_url"] == "https://acme.example.com:8443/v1"
    assert sorted(
        str(one["path"]) for one in cast("dict[str, JsonObject]", imported.manifest["actions"]).values()
    ) == [
        "/a",
        "/deeper/b",
    ]


def oauth(**flows: object) -> JsonObject:
    return {"type": "oauth2", "flows": flows}


@pytest.mark.parametrize(
    ("scheme", "credential"),
    [
        ({"type": "http", "scheme": "Bearer"}, "bearer"),
        ({"type": "http", "scheme": "basic"}, "basic"),
        ({"type": "apiKey", "in": "header", "name": "X-Key"}, {"kind": "header", "header": "x-key"}),
        ({"type": "apiKey", "in": "query", "name": "key"}, {"kind": "query", "parameter": "key"}),
        ({"type": "apiKey", "in": "cookie", "name": "sid"}, "none"),
        (
            oauth(clientCredentials={"tokenUrl": "https://login.example.com/t", "scopes": {"read": ""}}),
            {"kind": "oauth2", "token_url": "https://login.example.com/t", "scopes": ["read"]},
        ),
        (oauth(authorizationCode={"tokenUrl": "https://login.example.com/t"}), "bearer"),
        (oauth(clientCredentials={"tokenUrl": "http://login.example.com/t"}), "bearer"),
        ({"type": "openIdConnect"}, "bearer"),
        ({"type": "mutualTLS"}, "none"),
    ],
    ids=lambda value: json.dumps(value)[:50],
)
def test_a_security_scheme_becomes_a_credential(scheme: JsonObject, credential: object) -> None:
    paths: JsonObject = {"/a": {"get": {"responses": OK}}}
    imported = import_value(
        document(paths, security=[{"one": []}], components={"securitySchemes": {"one": scheme}})
    )

    assert imported.manifest["credential"] == credential


def pages_of(parameters: list[JsonObject], schema: JsonObject, **headers: object) -> object:
    response = {"description": "ok", "headers": headers, "content": {"application/json": {"schema": schema}}}
    given = [{"in": "query", "schema": {"type": "integer"}, **one} for one in parameters]
    paths: JsonObject = {
        "/a": {"get": {"operationId": "list", "parameters": given, "responses": {"200": response}}}
    }
    return action(import_value(document(paths)), "list").get("pages")


LIST: JsonObject = {"type": "array", "items": {"type": "object"}}


@pytest.mark.parametrize(
    ("parameters", "schema", "pages"),
    [
        (
            [{"name": "page"}, {"name": "per_page"}],
            LIST,
            {"items": "items", "by": "page", "field": "page", "size_field": "per_page"},
        ),
        (
            [{"name": "page", "schema": {"type": "integer", "default": 0}}],
            {"type": "object", "properties": {"data": LIST}},
            {"items": "data", "by": "page", "field": "page", "first": 0},
        ),
        (
            [{"name": "offset"}, {"name": "limit"}],
            {"type": "object", "properties": {"results": LIST, "total": {"type": "integer"}}},
            {"items": "results", "by": "offset", "field": "offset", "first": 0, "size_field": "limit"},
        ),
        (
            [{"name": "pageToken", "schema": TEXT}, {"name": "maxResults"}],
            {"type": "object", "properties": {"items": LIST, "nextPageToken": TEXT}},
            {
                "items": "items",
                "by": "cursor",
                "field": "pageToken",
                "next": "nextPageToken",
                "size_field": "maxResults",
            },
        ),
        (
            [{"name": "starting_after", "schema": TEXT}, {"name": "limit"}],
            {"type": "object", "properties": {"data": LIST, "has_more": {"type": "boolean"}}},
            {
                "items": "data",
                "by": "cursor",
                "field": "starting_after",
                "next": "has_more && data[-1].id || `null`",
                "size_field": "limit",
            },
        ),
        ([{"name": "page"}], {"type": "object", "properties": {"name": TEXT}}, None),
        ([{"name": "cursor", "schema": TEXT}], {"type": "object", "properties": {"data": LIST}}, None),
        ([{"name": "page"}, {"name": "max_items"}], LIST, None),
        ([{"name": "page"}], {"type": "object", "properties": {"cats": LIST, "dogs": LIST}}, None),
    ],
)
def test_pages_are_recognised_where_they_are_plain(
    parameters: list[JsonObject], schema: JsonObject, pages: object
) -> None:
    assert pages_of(parameters, schema) == pages


def test_examples_that_fit_become_samples_and_others_are_told() -> None:
    content = (FOLDER / "pets_3.0.yaml").read_bytes()
    imported = import_openapi(content, connector_id="pets", name="pets.yaml")

    assert action(imported, "add_pet")["samples"] == [
        {
            "title": "Add pet",
            "input": {"name": "Rex", "born": "2020-01-31"},
            "output": {"id": 1, "name": "Rex"},
        }
    ]

    wrong = import_openapi(
        content.replace(b"id: 1, name: Rex", b"id: one"), connector_id="pets", name="p.yaml"
    )
    assert "samples" not in action(wrong, "add_pet")
    assert [(one.code, wrong.findings.counts[one]) for one in wrong.findings if one.code == "sample"] == [
        ("sample", 1)
    ]


def test_what_is_written_out_many_times_gets_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MOST_NODES", 0)
    owner = {"type": "object", "properties": {f"p{n}": TEXT for n in range(8)}}
    pet = {"type": "object", "properties": {"name": TEXT, "owner": owner, "keeper": owner}}
    content = {"application/json": {"schema": {"type": "object", "properties": {"pet": pet}}}}
    paths: JsonObject = {
        f"/{n}": {"get": {"operationId": f"get{n}", "responses": {"200": {"content": content}}}}
        for n in range(3)
    }

    made = import_value(document(paths)).manifest

    output = cast("JsonObject", cast("dict[str, JsonObject]", made["actions"])["get_0"]["output"])
    assert output["properties"] == {"pet": {"$ref": "#/$defs/pet"}}
    assert made["schemas"] == {
        "owner": owner,
        "pet": {
            "type": "object",
            "properties": {
                "name": TEXT,
                "owner": {"$ref": "#/$defs/owner"},
                "keeper": {"$ref": "#/$defs/owner"},
            },
        },
    }


def test_a_link_header_tells_the_next_page() -> None:
    assert pages_of([{"name": "page"}], LIST, Link={}) == {"items": "items", "by": "link", "field": "page"}


JUDGES = {
    "pets_2.0.yaml": get_schema_content_v2,
    "pets_3.0.yaml": get_schema_content_v30,
    "pets_3.1.yaml": get_schema_content_v31,
}


@pytest.mark.parametrize("name", JUDGES)
def test_the_documents_that_are_read_without_a_loss_are_valid(name: str) -> None:
    """The oracle is the specification's own schema, as `openapi_spec_validator` brings it."""
    value = json.loads(json.dumps(yaml.safe_load((FOLDER / name).read_bytes())))

    jsonschema.validate(value, dict(JUDGES[name]()))


@pytest.mark.parametrize("name", ["wrong_types_everywhere.yaml", "odd_paths.yaml"])
def test_a_document_that_is_not_valid_is_read_as_far_as_it_is_sound(name: str) -> None:
    value = json.loads(json.dumps(yaml.safe_load((NASTY / name).read_bytes())))
    judge = get_schema_content_v30

    assert not jsonschema.Draft4Validator(dict(judge())).is_valid(value)
    assert import_openapi((NASTY / name).read_bytes(), connector_id="acme", name=name).actions > 0


def test_our_own_export_imported_again_has_the_same_inputs() -> None:
    settings = Settings.model_validate({"api_keys": [KEY]})
    gateway = Gateway(settings, host=load_plugins(settings), environ={})
    client = create_app(gateway).test_client()
    content = client.get("/openapi.json", headers={"authorization": f"Bearer {KEY}"}).data

    imported = import_openapi(content, connector_id="gateway", name="openapi.json")

    assert imported.findings.count("left_out") == 0
    assert imported.manifest["credential"] == "bearer"
    for original in gateway.catalog:
        made = action(imported, original.id.replace(".", "_"))
        assert (made["method"], made["path"]) == ("POST", f"/actions/{original.id}")
        schema = cast("JsonObject", made["input"])
        names = cast("dict[str, JsonObject]", schema["properties"])
        wanted = cast("dict[str, JsonObject]", original.input_schema["properties"])
        assert wanted.keys() - names.keys() <= {"stream"}
        assert cast("list[str]", schema.get("required", [])) == original.input_schema.get("required", [])
        for name in wanted.keys() & names.keys():
            for keyword in ("type", "minimum", "maximum", "enum", "minLength", "maxItems", "default"):
                assert names[name].get(keyword) == wanted[name].get(keyword), (original.id, name)
    gateway.close()
