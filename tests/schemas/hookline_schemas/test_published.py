from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import jsonschema
import pytest

from hookline.cli.context import CommandContext
from hookline.schema_files import PINS, ManifestContract, SchemaFolder, bundled_connectors, contracts_of
from hookline_schemas import FOLDER, load, load_manifest_format, versions

if TYPE_CHECKING:
    from hookline.schema_files import Direction

_NAMES = sorted(set(json.loads((FOLDER / PINS).read_bytes())) - {"manifest.v1.json"})


def test_the_published_files_are_what_the_bundled_actions_take_and_give() -> None:
    with CommandContext(environ={}).open_gateway(sandbox=True) as gateway:
        connectors = bundled_connectors(gateway.host)
        actions = [action for action in gateway.catalog if action.connector.id in connectors]
    assert actions
    assert SchemaFolder(FOLDER).check(contracts_of(actions), connectors=connectors) == []


@pytest.mark.parametrize("name", _NAMES)
def test_a_published_file_is_a_json_schema_that_names_itself(name: str) -> None:
    connector, verb, direction, version, _ = name.split(".")
    schema = load(f"{connector}.{verb}", cast("Direction", direction), int(version.removeprefix("v")))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:hookline:schema:{connector}.{verb}:{direction}:{version}"


def test_nothing_refers_to_another_document() -> None:
    for name in _NAMES:
        text = (FOLDER / name).read_text("utf-8")
        assert text.count('"$ref": "') == text.count('"$ref": "#/'), name


def test_versions_start_with_1_and_have_no_gap() -> None:
    for name in _NAMES:
        connector, verb, direction, _, _ = name.split(".")
        found = versions(f"{connector}.{verb}", cast("Direction", direction))
        assert found == list(range(1, len(found) + 1))


def test_what_was_never_published_is_refused_with_what_was() -> None:
    with pytest.raises(LookupError, match=r"openai\.chat input v99 was never published; there is v1"):
        load("openai.chat", "input", 99)
    with pytest.raises(LookupError, match=r"acme\.none input v1 was never published; there is no version"):
        load("acme.none", "input")


def test_the_format_of_manifests_is_published_as_the_models_have_it() -> None:
    assert SchemaFolder(FOLDER).check([ManifestContract()], connectors=[]) == []
    schema = load_manifest_format()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == "urn:hookline:schema:manifest:v1"
    with pytest.raises(LookupError, match=r"manifest v9 was never published"):
        load_manifest_format(9)
