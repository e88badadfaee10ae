"""Documents that want to do harm, or are all wrong: a result or a clear error, and nothing is fetched."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import peak_memory
from hookline.errors import ConfigurationError
from hookline.importing.openapi import Imported, import_openapi
from hookline.manifest.loading import connector_from
from hookline.manifest.writing import write_manifest_text
from machine_speed import slowness

FOLDER = Path(__file__).parent / "nasty_openapi"
MOST_S = 5.0
MOST_MB = 500

REFUSED = {
    "alias_bomb.yaml": "holds more than 1,500,000 values",
    "alias_of_itself.yaml": "has the alias `*p` inside of what it stands for, in line 2",
    "asyncapi.yaml": "is AsyncAPI, and not OpenAPI",
    "empty.yaml": "is empty",
    "future.yaml": "is OpenAPI '4.0.0'; 2.0, 3.0, 3.1 and 3.2 are read",
    "half_surrogate.json": "has half a surrogate pair",
    "no_paths.yaml": "has no operations under `paths`",
    "not_json.json": "is not JSON, and not YAML: Expecting property name",
    "not_yaml.yaml": "is not YAML: found a tab character",
    "old_swagger.json": "is Swagger 1, and not OpenAPI",
    "text.yaml": "is no OpenAPI document: it is no object",
}

# Of the others: how many operations there are, how many become actions, and the kinds of findings.
BECOMES = {
    "headers_of_the_gateway.yaml": (2, 1, {"header", "gateway_header", "parameter", "no_credential"}),
    "json_traps.json": (1, 1, {"number", "key_twice", "no_credential"}),
    "merge_keys_and_tags.yaml": (3, 3, {"no_credential"}),
    "names_that_collide.yaml": (1, 1, {"renamed", "undeclared_path_field", "no_credential"}),
    "numbers_as_keys.yaml": (1, 1, {"no_credential"}),
    "odd_operation_ids.yaml": (10, 10, {"shortened", "operation_id_twice", "no_credential"}),
    "odd_paths.yaml": (20, 13, {"path", "undeclared_path_field", "unused_path_parameter", "no_credential"}),
    "refs_in_circles.yaml": (5, 2, {"dead_reference", "dead_reference_part", "no_credential"}),
    "refs_into_weird_places.yaml": (2, 2, {"dead_reference_part", "wrong_type", "no_credential"}),
    "refs_to_files_and_addresses.yaml": (
        4,
        1,
        {"remote_reference", "remote_reference_part", "no_credential"},
    ),
    "regex_bombs.yaml": (1, 1, {"pattern", "no_credential"}),
    "second_document.yaml": (1, 1, {"no_credential"}),
    "servers_elsewhere.yaml": (3, 2, {"other_server", "no_credential"}),
    "wrong_types_everywhere.yaml": (
        10,
        3,
        {"not_an_object", "wrong_type", "number", "no_server"},
    ),
}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a document made the importer use the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def import_(content: bytes, name: str = "document.yaml") -> Imported:
    return import_openapi(content, connector_id="acme", name=name)


def test_every_document_of_the_folder_has_an_expectation() -> None:
    assert {path.name for path in FOLDER.iterdir()} == REFUSED.keys() | BECOMES.keys()


@pytest.mark.parametrize("name", REFUSED)
def test_a_document_that_is_none_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        import_((FOLDER / name).read_bytes(), name)

    assert f"{name} {REFUSED[name]}" in caught.value.message


@pytest.mark.parametrize("name", BECOMES)
def test_the_sound_part_of_a_document_becomes_actions_and_the_rest_is_told(name: str) -> None:
    imported = import_((FOLDER / name).read_bytes(), name)
    found = {one.code for one in imported.findings}

    assert (imported.operations, imported.actions, found) == BECOMES[name]
    assert imported.operations - imported.actions == imported.findings.count("left_out")


@pytest.mark.parametrize("name", BECOMES)
def test_what_is_written_can_be_loaded(name: str) -> None:
    imported = import_((FOLDER / name).read_bytes(), name)
    text = write_manifest_text(imported.manifest)

    connector = connector_from(text.encode(), name="acme.yaml")

    assert len(connector.actions) == imported.actions


def test_what_is_told_holds_nothing_that_a_terminal_would_carry_out() -> None:
    imported = import_((FOLDER / "headers_of_the_gateway.yaml").read_bytes())

    told = [str(found) for reason in imported.findings for found in imported.findings.of(reason)]
    assert [one for one in told if "Bad" in one] == [
        "GET /b: header X Bad  Name",
        "GET /a: header X Bad  Name",
    ]


def operation(**more: object) -> dict[str, object]:
    return {"responses": {"200": {"description": "ok"}}, **more}


def document(paths: object, **more: object) -> bytes:
    info = {"title": "T", "version": "1"}
    servers = [{"url": "https://api.example.com"}]
    return json.dumps({"openapi": "3.1.0", "info": info, "servers": servers, "paths": paths, **more}).encode()


def many_operations() -> bytes:
    parameters = [{"name": f"p{n}", "in": "query", "schema": {"type": "string"}} for n in range(3)]
    return document(
        {
            f"/things/{number}": {
                method: operation(operationId=f"{method}Thing{number}", parameters=parameters)
                for method in ("get", "post", "put", "delete")
            }
            for number in range(2_500)
        }
    )


def fifty_megabytes() -> bytes:
    text = "x" * 50_000
    return document({f"/{n}": {"get": operation(description=text)} for n in range(1_000)})


def one_body_for_all() -> bytes:
    big = {"type": "object", "properties": {f"f{n}": {"type": "string"} for n in range(450)}}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Big"}}}}
    paths = {f"/{n}": {"post": operation(requestBody=body)} for n in range(2_000)}
    return document(paths, components={"schemas": {"Big": big}})


def halves_of_halves() -> bytes:
    schemas: dict[str, object] = {"S0": {"type": "object", "properties": {"a": {"type": "string"}}}}
    for n in range(1, 40):
        schemas[f"S{n}"] = {"allOf": [{"$ref": f"#/components/schemas/S{n - 1}"}] * 2}
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S39"}}}}
    return document({"/a": {"post": operation(requestBody=body)}}, components={"schemas": schemas})


def all_refer_to_all() -> bytes:
    refs = {f"f{n}": {"$ref": f"#/components/schemas/S{n}"} for n in range(120)}
    schemas = {f"S{n}": {"type": "object", "properties": refs} for n in range(120)}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}
    paths = {f"/{n}": {"get": {"responses": {"200": {"content": content}}}} for n in range(100)}
    return document(paths, components={"schemas": schemas})


def nested(levels: int) -> bytes:
    body = {"content": {"application/json": {"schema": "SCHEMA"}}}
    whole = document({"/a": {"post": operation(requestBody=body)}})
    schema = b'{"type": "object", "properties": {"a": ' * levels + b"{}" + b"}}" * levels
    return whole.replace(b'"SCHEMA"', schema)


def branches_in_branches() -> bytes:
    schemas = {
        f"S{n}": {"oneOf": [{"$ref": f"#/components/schemas/S{(n + k) % 30}"} for k in range(1, 25)]}
        for n in range(30)
    }
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}
    paths = {"/a": {"get": {"responses": {"200": {"content": content}}}}}
    return document(paths, components={"schemas": schemas})


LARGE: dict[str, Callable[[], bytes]] = {
    "ten thousand operations": many_operations,
    "fifty megabytes": fifty_megabytes,
    "a large body for two thousand operations": one_body_for_all,
    "allOf of two halves, forty times": halves_of_halves,
    "a hundred and twenty schemas that all refer to all": all_refer_to_all,
    "an object in an object, ninety times": lambda: nested(90),
    "an object in an object, five hundred times": lambda: nested(500),
    "alternatives that are each other": branches_in_branches,
}


@pytest.mark.parametrize("kind", LARGE)
def test_a_large_or_deep_document_is_done_with_in_time_and_memory(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(LARGE[kind]())
    code = f"""
import time
from hookline.errors import ConfigurationError
from hookline.importing.openapi import import_openapi
content = open({str(path)!r}, "rb").read()
try:
    print(import_openapi(content, connector_id="acme", name="large.json").actions)
except ConfigurationError as exc:
    print(exc.message[:200])
from peak_memory import peak_memory_mb
print(time.process_time(), peak_memory_mb())
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(Path(peak_memory.__file__).parent)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    outcome, used = done.stdout.splitlines()
    seconds, megabytes = used.split()
    assert outcome.isdigit() or outcome.startswith("large.json")
    assert float(seconds) < MOST_S * slowness()
    assert float(megabytes) < MOST_MB


def test_too_large_a_document_is_refused_before_it_is_read() -> None:
    began = time.process_time()

    with pytest.raises(ConfigurationError, match="at most 52,428,800 are read"):
        import_(b"{" + b" " * (51 * 1024 * 1024))

    assert time.process_time() - began < 0.5


def test_nesting_beyond_all_bounds_is_refused() -> None:
    for content in (
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"- " * 5_000,
        b"{a: " * 5_000,
        b"openapi: " + b"[" * 3_000,
    ):
        with pytest.raises(ConfigurationError):
            import_(content)


def test_many_directives_are_refused_before_a_parser_compares_each_with_all() -> None:
    content = b"".join(b"%%TAG !a%d! x\n" % number for number in range(30_000)) + b"---\nopenapi: 3.1.0\n"
    began_s = time.process_time()
    with pytest.raises(ConfigurationError, match="has the directive `%TAG`, in line 1"):
        import_(content)
    assert time.process_time() - began_s < 0.5
