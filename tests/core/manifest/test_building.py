"""From a manifest to a connector: what is made, and what is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

import peak_memory
from hookline import BasicCredential, CredentialPlacement, InPlace, OAuth2Credential, QueryCredential
from hookline.engine.catalog import Catalog
from hookline.error_rules import ErrorRule
from hookline.manifest import ManifestError, connector_from
from hookline.manifest.writing import write_manifest_text

Json = dict[str, object]

_HEAD: Json = {
    "manifest": 1,
    "id": "acme",
    "title": "Acme",
    "base_url": "https://api.acme.example/v2/",
}


def _build(action: Json | None = None, **top: object) -> object:
    actions = (
        {} if action is None else {"actions": {"find": {"method": "GET", "path": "/contacts", **action}}}
    )
    text = write_manifest_text(
        {**_HEAD, "actions": {"find": {"method": "GET", "path": "/"}}, **actions, **top}
    )
    return connector_from(text.encode(), name="acme.yaml")


def _told(action: Json | None = None, **top: object) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        _build(action, **top)
    return [f"{'.'.join(map(str, one.path))}: {one.message}" for one in caught.value.problems]


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("bearer", CredentialPlacement()),
        ("none", None),
        ("basic", BasicCredential()),
        (
            {"kind": "header", "header": "X-Api-Key", "prefix": "Key "},
            CredentialPlacement(header="x-api-key", prefix="Key "),
        ),
        ({"kind": "query", "parameter": "key"}, QueryCredential(parameter="key")),
        (
            {
                "kind": "oauth2",
                "token_url": "https://a.example/t",
                "scopes": ["r"],
                "parameters": {"audience": "x"},
            },
            OAuth2Credential(token_url="https://a.example/t", scopes=("r",), parameters=(("audience", "x"),)),
        ),
    ],
)
def test_credentials_are_those_of_connectors_in_python(written: object, made: object) -> None:
    from hookline import Connector

    connector = cast("Connector", _build(credential=written))
    assert connector.credential == made
    assert connector.base_url == "https://api.acme.example/v2"


def test_an_action_is_made_as_it_is_declared() -> None:
    from hookline import Connector

    connector = cast(
        "Connector",
        _build(
            {
                "method": "POST",
                "path": "/contacts/{id}",
                "title": "Find",
                "group": "crm",
                "hidden": True,
                "input": {"fields": {"id": "integer", "q": {"place": {"where": "header", "name": "X-Q"}}}},
                "errors": [{"kind": "invalid", "statuses": 400}],
            },
            groups={"crm": "Customers"},
            errors=[{"kind": "not_found", "statuses": [404]}],
        ),
    )
    action = connector.actions["acme.find"]
    assert (action.method, action.title, action.group, action.is_hidden) == (
        "POST",
        "Find",
        "Customers",
        True,
    )
    assert (action.is_read_only, action.is_idempotent) == (False, False)
    assert action.input_schema == {
        "additionalProperties": False,
        "type": "object",
        "properties": {"id": {"type": "integer"}, "q": {"type": "string"}},
        "required": ["id"],
    }
    assert [rule.kind for rule in action.errors] == ["invalid", "not_found"]
    assert action.errors[0] == ErrorRule(kind="invalid", statuses=(400,))
    assert InPlace(where="header", name="X-Q") in getattr(action.prepare, "places", {}).values()


@pytest.mark.parametrize(
    ("method", "read_only", "idempotent"),
    [
        ("GET", True, True),
        ("HEAD", True, True),
        ("POST", False, False),
        ("PUT", False, True),
        ("DELETE", False, True),
    ],
)
def test_methods_mean_what_http_says(method: str, read_only: bool, idempotent: bool) -> None:
    from hookline import Connector

    action = cast("Connector", _build({"method": method})).actions["acme.find"]
    assert (action.is_read_only, action.is_idempotent) == (read_only, idempotent)


@pytest.mark.parametrize(
    ("action", "top", "told"),
    [
        ({"path": "/c/{id}", "input": {"fields": {"idd": "string"}}}, {}, "actions.find.path: the plac"),
        ({"places": {"q": "query"}}, {}, "actions.find.places.q: the input has no field 'q'"),
        ({"pick": "{{"}, {}, "actions.find.pick: '{{' is not JMESPath"),
        ({"group": "crm"}, {"groups": {"a": "A"}}, "actions.find.group: 'crm' is none of `groups`: `a`."),
        ({"input": {"type": "array"}}, {}, "actions.find.input.type: must be `object`, not 'array'"),
        ({"input": {"type": "objekt"}}, {}, "actions.find.input.type: "),
        ({"output": {"$ref": "https://example.com/x"}}, {}, "actions.find.output.$ref: 'https://ex"),
        ({"output": {"fields": {"a": {"schema": "Pest"}}}}, {}, "actions.find.output.fields.a.schema: '#/$d"),
        ({}, {"test": "look"}, "test: there is no action 'look'."),
        ({"path": "/{id}"}, {"test": "find"}, "test: the action 'find' needs the field 'id'"),
        ({"hidden": True}, {"test": "find"}, "test: the action 'find' is hidden"),
        (
            {"input": {"$ref": "#/$defs/In"}},
            {"test": "find", "schemas": {"In": {"properties": {"q": {}}, "required": ["q"]}}},
            "test: the action 'find' needs the field 'q'",
        ),
        ({}, {"credential": {"kind": "header", "header": "Host"}}, "credential: `header` must be"),
        ({"path": "/../x"}, {}, "actions.find.path: "),
        ({"errors": [{"kind": "invalid", "statuses": 200}]}, {}, "actions.find.errors.0: say with `when`"),
        ({}, {"schemas": {"A": {"allOf": [{"$ref": "#/$defs/A"}]}}}, "schemas.A: comes back to itself"),
        ({"pages": {"items": "a", "field": "page"}}, {}, "actions.find.pages"),
        ({"stream": {"text": "{{"}, "method": "POST"}, {}, "actions.find.stream"),
    ],
)  # fmt: skip
def test_what_does_not_hold_together_is_told_where_it_stands(action: Json, top: Json, told: str) -> None:
    found = _told(action, **top)
    assert any(one.startswith(told) for one in found), found


def test_ten_thousand_actions_load_in_little_time_and_memory() -> None:
    """In a process of its own, which is held to 20 seconds of processor time and 500 MB."""
    code = """
import json, sys, time
from peak_memory import peak_memory_mb
from hookline.manifest import connector_from
schemas = {f"S{i}": {"type": "object", "properties": {**{f"f{j}": {"type": "string"} for j in range(8)},
           "next": {"$ref": f"#/$defs/S{i * 7 % 2000}"}}} for i in range(2000)}
actions = {f"a{i}": {"method": "GET", "path": f"/t/{i}/{{id}}", "title": f"Do {i}", "description": "Does it.",
           "input": {"type": "object", "properties": {"id": {"type": "string"},
                     **{f"q{j}": {"type": "string", "description": "A filter."} for j in range(5)}},
                     "required": ["id"]},
           "output": {"$ref": f"#/$defs/S{i % 2000}"}} for i in range(10000)}
text = json.dumps({"manifest": 1, "id": "big", "title": "Big", "base_url": "https://big.example",
                   "schemas": schemas, "actions": actions}).encode()
begun = time.process_time()
connector = connector_from(text, name="big.json")
print(len(connector.actions), time.process_time() - begun, peak_memory_mb())
"""
    shown = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(peak_memory.__file__).parent)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    count, seconds, megabytes = shown.stdout.split()
    assert int(count) == 10_000
    assert float(seconds) < 20  # about 3 on a machine that does nothing else
    assert float(megabytes) < 500


def test_schemas_of_a_manifest_are_compiled_when_they_are_needed() -> None:
    from hookline import Connector

    connector = cast(
        "Connector", _build({"input": {"type": "object", "properties": {"a": {"pattern": "^a+$"}}}})
    )
    catalog = Catalog()
    catalog.add(connector)
    entry = catalog.entry("acme.find")
    assert not entry._kept
    assert entry.input.fits({"a": "aa"})
    assert not entry.input.fits({"a": "b"})


def test_compiled_schemas_that_need_many_others_are_kept_within_bounds() -> None:
    from hookline import Connector

    schemas = {
        f"S{one}": {"properties": {"next": {"$ref": f"#/$defs/S{(one + 1) % 1000}"}}} for one in range(1000)
    }
    actions = {
        f"get_{one}": {"method": "GET", "path": "/", "output": {"$ref": f"#/$defs/S{one}"}}
        for one in range(6)
    }
    connector = cast("Connector", _build(schemas=schemas, actions=actions))
    catalog = Catalog()
    catalog.add(connector)
    entries = [catalog.entry(f"acme.get_{one}") for one in range(6)]
    compiled = [entry.output for entry in entries]
    assert all(one.fits({"next": {"next": {}}}) for one in compiled)
    assert [entry.output is one for entry, one in zip(entries[3:], compiled[3:], strict=True)] == [True] * 3
    assert entries[0].output is not compiled[0]


@pytest.mark.parametrize(
    ("top", "told"),
    [
        ({"actions": {}}, "actions: must have at least 1 key."),
        ({"manifest": "one"}, "manifest: must be 1, not 'one'."),
    ],
)
def test_bounds_are_told_in_our_words(top: Json, told: str) -> None:
    assert told in _told(None, **top)


def test_a_number_that_is_none_is_told_in_our_words() -> None:
    pages = {"kind": "page", "parameter": "page", "items": "items", "first": "one"}
    problems = _told({"pages": pages, "output": {"items": "list of text"}})
    assert any("must be a whole number, not 'one'." in one for one in problems), problems
