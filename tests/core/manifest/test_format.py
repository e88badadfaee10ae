from __future__ import annotations

import contextlib
import copy
from typing import cast

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hookline.manifest import ManifestError, parse_manifest
from hookline.manifest.model import Manifest
from hookline.manifest.writing import write_manifest_text
from hookline_schemas import load_manifest_format

Json = dict[str, object]

_VALIDATOR = jsonschema.Draft202012Validator(load_manifest_format())

_SMALL: Json = {
    "manifest": 1,
    "id": "acme",
    "title": "Acme",
    "base_url": "https://api.acme.example/v2",
    "actions": {"find": {"method": "GET", "path": "/contacts"}},
}
_LARGE: Json = {
    **_SMALL,
    "description": "Contacts of a company.",
    "credential": {"kind": "header", "header": "X-Api-Key", "prefix": "Token "},
    "test": "find",
    "groups": {"contacts": "Contacts"},
    "forward_headers": ["X-Trace"],
    "return_headers": ["x-request-id", "x-limit-*"],
    "user_fields": ["user"],
    "errors": [
        {"kind": "not_found", "statuses": [404, 410], "message": "error.message", "hint": "Look it up."}
    ],
    "schemas": {
        "Contact": {"fields": {"name": {"type": "string", "required": True}}},
        "Any": {"type": "object"},
    },
    "x-made-by": "hand",
    "actions": {
        "find": {
            "method": "GET",
            "path": "/contacts",
            "title": "Find contacts",
            "description": "Finds them.",
            "group": "contacts",
            "hidden": False,
            "read_only": True,
            "idempotent": True,
            "input": {
                "fields": {
                    "cursor": "string",
                    "tags": {
                        "type": "list of string",
                        "min_items": 1,
                        "place": {"where": "query", "style": "comma"},
                    },
                    "max": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10, "example": 3},
                    "kind": {"choices": ["a", 1, None], "nullable": True, "place": "query"},
                }
            },
            "output": {"fields": {"contacts": {"schema": "list of Contact"}}},
            "places": {"cursor": {"where": "header", "name": "X-Cursor"}, "max": "query"},
            "encoding": "json",
            "answers": "json",
            "pick": "{contacts: data[*]}",
            "defaults": {"limit": 5},
            "pages": {
                "items": "contacts",
                "field": "cursor",
                "next": "meta.next",
                "by": "cursor",
                "max_pages": 9,
            },
            "errors": [{"kind": "invalid", "statuses": 400, "field": "error.param", "x-note": "seen once"}],
            "samples": [{"title": "One", "input": {"cursor": "x"}, "output": {"contacts": []}}],
        },
        "write": {
            "method": "POST",
            "path": "/contacts/{id}/letters",
            "input": {"type": "object", "properties": {"id": {"type": "string"}, "text": {"type": "string"}}},
            "request": {"type": "object"},
            "shape": "{body: text}",
            "stream": {
                "text": "delta.text",
                "output": "{id: id}",
                "into": "text",
                "end": None,
                "ask": {"stream": True},
            },
            "output": {"type": "object", "properties": {"text": {"type": "string"}}},
        },
    },
}
_CREDENTIALS: list[object] = [
    "bearer",
    "basic",
    "none",
    {"kind": "bearer"},
    {"kind": "none"},
    {"kind": "basic", "x-why": "old"},
    {"kind": "query", "parameter": "key"},
    {"kind": "header"},
    {
        "kind": "oauth2",
        "token_url": "https://auth.acme.example/token",
        "grant": "refresh_token",
        "scopes": ["read"],
        "client_in": "form",
        "parameters": {"audience": "x"},
    },
]


def _model_takes(document: object) -> bool:
    try:
        Manifest.model_validate(document)
    except ValidationError:
        return False
    return True


def _changed(path: tuple[str | int, ...], value: object, base: Json = _LARGE) -> Json:
    document = copy.deepcopy(base)
    here: object = document
    for part in path[:-1]:
        here = cast("dict[str | int, object]", here)[part]
    cast("dict[str | int, object]", here)[path[-1]] = value
    return document


@pytest.mark.parametrize(
    "document",
    [_SMALL, _LARGE, *(_changed(("credential",), one) for one in _CREDENTIALS)],
    ids=lambda one: str(cast("Json", one).get("credential"))[:30],
)
def test_what_is_sound_is_so_for_models_and_published_schema(document: Json) -> None:
    _VALIDATOR.validate(document)
    assert _model_takes(document)


_FIND = ("actions", "find")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("manifest",), 2),
        (("manifest",), "1"),
        (("id",), "Acme"),
        (("id",), "a" * 41),
        (("title",), 5),
        (("title",), ""),
        (("base_url",), "ftp://acme.example"),
        (("base_url",), "https://acme.example/?a=b"),
        (("titel",), "Acme"),
        (("credential",), "token"),
        (("credential",), {"kind": "nope"}),
        (("credential",), {"header": "X"}),
        (("credential",), {"kind": "query"}),
        (("credential",), {"kind": "oauth2", "token_url": "http://auth.example"}),
        (("credential",), {"kind": "basic", "header": "X"}),
        (("test",), "Find!"),
        (("groups",), {"a": 5}),
        (("groups",), ["a"]),
        (("forward_headers",), ["a b"]),
        (("errors",), {"kind": "invalid"}),
        (("errors", 0, "kind"), "notfound"),
        (("errors", 0, "statuses"), "404"),
        (("errors", 0, "statuses"), [99]),
        (("errors", 0, "code"), "Not Found"),
        (("schemas",), {"a b": {}}),
        (("schemas",), {"A": []}),
        (("schemas", "Contact", "fields"), {"name": {"typ": "string"}}),
        (("schemas", "Contact", "fields"), {"name": "text"}),
        (("schemas", "Contact", "required"), ["name"]),
        (("actions",), {}),
        (("actions",), {"Find": {"method": "GET", "path": "/"}}),
        (("actions",), {"find": {"method": "GET"}}),
        ((*_FIND, "method"), "get"),
        ((*_FIND, "path"), "contacts"),
        ((*_FIND, "path"), "/a?b=c"),
        ((*_FIND, "metod"), "GET"),
        ((*_FIND, "hidden"), "no"),
        ((*_FIND, "input"), "string"),
        ((*_FIND, "input"), {"fields": {}, "type": "object"}),
        ((*_FIND, "input"), {"fields": []}),
        ((*_FIND, "places"), {"a": "body2"}),
        ((*_FIND, "places"), {"a": {"name": "b"}}),
        ((*_FIND, "encoding"), "xml"),
        ((*_FIND, "pick"), ""),
        ((*_FIND, "pick"), "x" * 2001),
        ((*_FIND, "pages", "by"), "number"),
        ((*_FIND, "pages", "max_pages"), 0),
        ((*_FIND, "pages"), {"items": "a"}),
        ((*_FIND, "samples"), [{"input": {}}]),
        (("actions", "write", "stream"), {"output": "x"}),
        ((*_FIND, "samples", 0, "input"), None),
    ],
)
def test_what_is_not_sound_is_refused_by_models_and_published_schema(
    path: tuple[str | int, ...], value: object
) -> None:
    document = _changed(path, value)
    assert not _VALIDATOR.is_valid(document)
    assert not _model_takes(document)


def _paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        found += [one for name, inner in value.items() for one in _paths(inner, (*path, name))]
    elif isinstance(value, list):
        found += [one for position, inner in enumerate(value) for one in _paths(inner, (*path, position))]
    return found


_OTHERS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 700),
    st.sampled_from(["", "x", "GET", "string", "list of string", "body"]),
    st.sampled_from([[], {}, ["x"], {"x": "y"}, {"fields": {}}, {"kind": "bearer"}, {"where": "body"}]),
)  # fmt: skip


@given(
    path=st.sampled_from(_paths(_LARGE)), value=_OTHERS, other=st.sampled_from(_paths(_LARGE)), more=_OTHERS
)
def test_models_and_published_schema_agree_on_what_was_changed_by_chance(
    path: tuple[str | int, ...], value: object, other: tuple[str | int, ...], more: object
) -> None:
    document = _changed(path, value)
    with contextlib.suppress(
        KeyError, IndexError, TypeError
    ):  # the first change took the second's place away
        document = _changed(other, more, document)
    assert _VALIDATOR.is_valid(document) == _model_takes(document)


def test_every_key_is_described_in_the_published_schema() -> None:
    schema = load_manifest_format()
    tables = {"": schema, **cast("dict[str, Json]", schema["$defs"])}
    for name, table in tables.items():
        assert table["description"], name
        for key, member in cast("dict[str, Json]", table["properties"]).items():
            assert key == "kind" or str(member.get("description", "")).endswith("."), (name, key)


def test_problems_are_told_all_at_once_with_file_line_and_key() -> None:
    text = """\
manifest: 1
id: petstore
title: Petstore
base_url: https://petstore.example.com
credential: {kind: header, heder: X-Key}
actions:
  find_pet:
    metod: GET
    path: /pets
    errors:
      - kind: not_fund
    input:
      fields:
        age: {type: intger}
"""
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text.encode(), name="petstore.yaml")
    kinds = "'rejected', 'not_found', 'invalid', 'credential', 'forbidden', 'quota', 'rate_limited', "
    assert caught.value.message.splitlines() == [
        "petstore.yaml:5: credential.heder: there is no such key. Did you mean `header`?",
        "petstore.yaml:7: actions.find_pet.method: is missing.",
        "petstore.yaml:8: actions.find_pet.metod: there is no such key. Did you mean `method`?",
        f"petstore.yaml:11: actions.find_pet.errors[0].kind: must be {kinds}'unavailable', 'timeout' or "
        "'blocked', not 'not_fund'. Did you mean `not_found`?",
        "petstore.yaml:14: actions.find_pet.input.fields.age.type: 'intger' is no type. "
        "Did you mean `integer`?",
    ]
    assert [problem.line for problem in caught.value.problems] == [5, 7, 8, 11, 14]


def test_no_more_than_ten_problems_are_told() -> None:
    document = {**_SMALL, **{f"key{one}": one for one in range(30)}}
    with pytest.raises(ManifestError) as caught:
        parse_manifest(write_manifest_text(document).encode(), name="acme.yaml")
    told = caught.value.message.splitlines()
    assert len(told) == 11
    assert told[-1] == "acme.yaml: and 20 more."
