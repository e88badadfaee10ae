"""Valid documents in which anything was replaced by anything: a manifest that loads, or a clear error."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import cast

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.errors import ConfigurationError
from hookline.importing.openapi import Imported, import_openapi
from hookline.manifest.loading import connector_from
from hookline.manifest.writing import write_manifest_text

FOLDER = Path(__file__).parent / "documents"
DOCUMENTS = {path.name: yaml.safe_load(path.read_bytes()) for path in sorted(FOLDER.glob("*.yaml"))}
MOST_S = 5.0

_POINTERS = [
    "#",
    "#/paths",
    "#/paths/~1pets/get",
    "#/components/schemas/Pet",
    "#/definitions/Pet",
    "#/components/parameters/Limit",
    "#/components",
    "file:///etc/passwd",
    "https://evil.example.com/x.yaml",
    "../other.yaml#/a",
    "#anchor",
    "",
]
_WORDS = [
    "object",
    "array",
    "string",
    "get",
    "query",
    "path",
    "body",
    "{a}",
    "/{a}{b}",
    "é\u202e\x00",
    "x" * 300,
]
_SIMPLE = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2**31, 2**63, 2**64, -(2**63), 10**30, 1.5, 1e308, -1e-300]),
    st.sampled_from(_WORDS),
    st.text(max_size=12),
)
_REPLACEMENTS = st.one_of(
    _SIMPLE,
    st.sampled_from(_POINTERS).map(lambda pointer: {"$ref": pointer}),
    st.lists(_SIMPLE, max_size=3),
    st.dictionaries(
        st.sampled_from([*_WORDS, "type", "properties", "allOf", "in", "name", "200"]), _SIMPLE, max_size=3
    ),
)


def spots_of(value: object) -> list[tuple[object, object]]:
    """Return every object and list with each of its keys or positions."""
    found: list[tuple[object, object]] = []
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            found += [(one, key) for key in one]
            waiting += one.values()
        elif isinstance(one, list):
            found += [(one, position) for position in range(len(one))]
            waiting += one
    return found


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, object]:
    document = copy.deepcopy(DOCUMENTS[draw(st.sampled_from(sorted(DOCUMENTS)))])
    for _ in range(draw(st.integers(1, 4))):
        spots = spots_of(document)
        holder, key = spots[draw(st.integers(0, len(spots) - 1))]
        kind = draw(st.sampled_from(["replace", "remove", "move", "rename"]))
        if kind == "replace":
            cast("dict[object, object]", holder)[key] = draw(_REPLACEMENTS)
        elif kind == "remove":
            del cast("dict[object, object]", holder)[key]
        elif kind == "move":
            other, there = spots[draw(st.integers(0, len(spots) - 1))]
            cast("dict[object, object]", holder)[key] = copy.deepcopy(
                cast("dict[object, object]", other)[there]
            )
        elif isinstance(holder, dict):
            holder[draw(st.sampled_from([*_WORDS, "$ref", "allOf", "post", "schema"]))] = holder.pop(key)
        if not spots_of(document):
            break
    return cast("dict[str, object]", document)


def read(content: bytes, name: str) -> tuple[Imported | None, str]:
    """Return what becomes of a document, or why it is refused."""
    try:
        return import_openapi(content, connector_id="acme", name=name), ""
    except ConfigurationError as exc:
        return None, exc.message


@settings(max_examples=300)
@given(mutated())
def test_whatever_is_replaced_the_importer_gives_a_manifest_that_loads_or_a_clear_error(
    document: dict[str, object],
) -> None:
    began = time.process_time()
    imported, refusal = read(json.dumps(document).encode(), "mutated.json")

    if imported is None:
        assert "mutated.json" in refusal
        assert refusal.endswith(".")
    else:
        text = write_manifest_text(imported.manifest)
        connector = connector_from(text.encode(), name="acme.yaml")
        assert len(connector.actions) == imported.actions
        assert imported.operations - imported.actions == imported.findings.count("left_out")
    assert time.process_time() - began < MOST_S


@settings(max_examples=100)
@given(st.data())
def test_a_text_that_was_cut_or_changed_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(DOCUMENTS)))
    content = bytearray((FOLDER / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(1, len(content)))])

    imported, refusal = read(cut, "changed.yaml")

    assert "changed.yaml" in refusal if imported is None else imported.actions > 0


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_the_documents_themselves_are_read_without_a_loss(name: str) -> None:
    imported = import_openapi((FOLDER / name).read_bytes(), connector_id="acme", name=name)

    assert imported.findings.count("left_out") == 0
    assert imported.actions == imported.operations
