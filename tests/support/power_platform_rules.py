"""What a custom connector for the Power Platform has to be, beyond valid Swagger 2.0.

Written from Microsoft's pages on extensions and limits of custom connectors. Nothing of Hookline is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from swagger_checks import schema_problems

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]
Rule = Callable[["Json"], Iterator[str]]

SCHEMA_EXTENSIONS = {
    "x-ms-dynamic-list",
    "x-ms-dynamic-values",
    "x-ms-enum-values",
    "x-ms-summary",
    "x-ms-visibility",
}
FORMATS = {"int32", "int64", "float", "double", "byte", "binary", "date", "date-time", "password"} | {
    "date-no-tz",
    "email",
    "html",
    "uri",
    "uuid",
}


def violations(definition: Json, properties: Json) -> list[str]:
    """Return what is wrong with a connector, each line beginning with the name of a rule."""
    found = [f"{name}: {text}" for name, rule in RULES.items() for text in rule(definition)]
    return found + [f"properties: {text}" for text in property_violations(properties)]


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _bodies(document: Json) -> Iterator[tuple[str, Json]]:
    for _, _, operation in _operations(document):
        id = operation.get("operationId", "?")
        for one in operation.get("parameters", []):
            if "schema" in one:
                yield f"{id}.{one['name']}", one["schema"]
        for status, response in operation["responses"].items():
            if "schema" in response:
                yield f"{id}.{status}", response["schema"]


def _walk(schema: Json, place: str) -> Iterator[tuple[str, Json]]:
    yield place, schema
    for name, member in schema.get("properties", {}).items():
        yield from _walk(member, f"{place}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _walk(schema[name], f"{place}[]" if name == "items" else f"{place}.*")
    for part in schema.get("allOf", []):
        yield from _walk(part, place)


def _schemas(document: Json) -> Iterator[tuple[str, Json]]:
    for place, schema in [*_bodies(document), *document.get("definitions", {}).items()]:
        yield from _walk(schema, place)


def size(document: Json) -> Iterator[str]:
    """The definition is smaller than 1 MB."""
    length = len(json.dumps(document, indent=2, ensure_ascii=False).encode())
    if length >= 1_000_000:
        yield f"{length} bytes"


def operation_count(document: Json) -> Iterator[str]:
    """There are at most 256 operations."""
    count = sum(1 for _ in _operations(document))
    if count > 256:
        yield f"{count} operations"


def schema_count(document: Json) -> Iterator[str]:
    """A body has at most 512 schemas."""
    definitions = document.get("definitions", {})
    for place, body in _bodies(document):
        count, waiting, seen = 0, [body], set()
        while waiting:
            for _, schema in _walk(waiting.pop(), ""):
                count += 1
                name = schema.get("$ref", "").rpartition("/")[2]
                if name and name not in seen:
                    seen.add(name)
                    waiting.append(definitions[name])
        if count > 512:
            yield f"{place} has {count} schemas"


def dialect(document: Json) -> Iterator[str]:
    """Schemas are those of Swagger 2.0: no unions, null or constants; references lead somewhere."""
    definitions = document.get("definitions", {})
    for place, body in _bodies(document):
        yield from (f"{place}: {text}" for text in schema_problems(body, definitions))


def extensions(document: Json) -> Iterator[str]:
    """Schemas have no other extension of Microsoft's than those for schemas, and only formats it knows."""
    for place, schema in _schemas(document):
        unknown = {name for name in schema if name.startswith("x-ms-")} - SCHEMA_EXTENSIONS
        if unknown:
            yield f"{place} has {sorted(unknown)}"
        if schema.get("format", "uri") not in FORMATS:
            yield f"{place} has the format {schema['format']}"


def security(document: Json) -> Iterator[str]:
    """There is one security definition, as only the first is read, and it is a key in a header."""
    definitions = document.get("securityDefinitions", {})
    if len(definitions) != 1 or document.get("security") != [{name: [] for name in definitions}]:
        yield "there is not exactly one way to sign in that all operations use"
    for one in definitions.values():
        if (one.get("type"), one.get("in")) != ("apiKey", "header"):
            yield "it is no key in a header"


def address(document: Json) -> Iterator[str]:
    """Host, base path and scheme are given."""
    if not re.fullmatch(r"[^{}/ :\\]+(:\d+)?", document.get("host", "")):
        yield "host"
    if not document.get("basePath", "").startswith("/"):
        yield "basePath"
    if document.get("schemes") not in (["https"], ["http"]):
        yield "schemes"
    if not 1 <= len(document["info"]["title"]) <= 30:
        yield "title"
    if not 30 <= len(document["info"].get("description", "")) <= 500:
        yield "description"


def operation_names(document: Json) -> Iterator[str]:
    """Every operation has an id of its own in PascalCase, a short summary and a description."""
    seen = set()
    for path, _, operation in _operations(document):
        id = operation.get("operationId", "")
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", id) or id in seen:
            yield f"{path}: operationId {id!r}"
        seen.add(id)
        if not 1 <= len(operation.get("summary", "")) <= 80:
            yield f"{path}: summary"
        if not 1 <= len(operation.get("description", "")) <= 256:
            yield f"{path}: description"


def labels(document: Json) -> Iterator[str]:
    """Every member and parameter has a label, and no text is too long."""
    for place, schema in _schemas(document):
        for name, member in schema.get("properties", {}).items():
            label = _resolve(document, member).get("x-ms-summary", "")
            if not 1 <= len(label) <= 80 and name.strip():
                yield f"{place}.{name} has the label {label!r}"
        if "Problem" not in place and len(schema.get("description", "")) > 256 and ".200" not in place:
            yield f"{place} has a long description"
    for path, _, operation in _operations(document):
        for one in operation.get("parameters", []):
            if one["in"] != "body" and not 1 <= len(one.get("x-ms-summary", "")) <= 80:
                yield f"{path}: the parameter {one['name']} has no label"


def visibility(document: Json) -> Iterator[str]:
    """What is needed is shown first, and what is hidden and needed has a value."""
    for place, schema in _schemas(document):
        if schema.get("x-ms-visibility", "advanced") not in ("important", "advanced", "internal"):
            yield f"{place}: {schema['x-ms-visibility']}"
    for path, _, operation in _operations(document):
        for one in operation.get("parameters", []):
            if one.get("required") and one.get("x-ms-visibility") == "internal" and "default" not in one:
                yield f"{path}: {one['name']} is needed, hidden, and has no value"
            for name in one.get("schema", {}).get("required", ()):
                member = _resolve(document, one["schema"]["properties"][name])
                if member.get("x-ms-visibility") != "important":
                    yield f"{path}: {name} is needed and not shown first"


def dynamic_lists(document: Json) -> Iterator[str]:
    """A dropdown is told in both ways, which agree; a hidden operation has its rows."""
    operations = {one.get("operationId"): one for _, _, one in _operations(document)}
    for place, schema in _schemas(document):
        values, rows = schema.get("x-ms-dynamic-values"), schema.get("x-ms-dynamic-list")
        if values is None and rows is None:
            continue
        if values is None or rows is None or _as_list(values) != rows:
            yield f"{place}: the two ways do not agree"
            continue
        target = operations.get(values["operationId"])
        if target is None or target.get("x-ms-visibility") != "internal":
            yield f"{place}: {values['operationId']} is no hidden operation"
            continue
        known = {one["name"] for one in target.get("parameters", [])}
        if not set(values.get("parameters", {})) <= known:
            yield f"{place}: {values['operationId']} does not know its parameters"
        page = _resolve(document, target["responses"]["200"]["schema"])
        listing = _resolve(document, page["properties"].get(values["value-collection"], {}))
        row = _resolve(document, listing.get("items", {})).get("properties", {})
        if not {values["value-path"], values["value-title"]} <= set(row):
            yield f"{place}: {values['operationId']} answers no such rows"


def _as_list(values: Json) -> Json:
    """Return the newer form of a dropdown in the older one."""
    told = {
        "operationId": values.get("operationId"),
        "itemsPath": values.get("value-collection"),
        "itemValuePath": values.get("value-path"),
        "itemTitlePath": values.get("value-title"),
    }
    if "parameters" in values:
        told["parameters"] = {name: {"value": value} for name, value in values["parameters"].items()}
    return told


def responses(document: Json) -> Iterator[str]:
    """Every operation tells its answer and its errors; one that runs long tells where the answer will be."""
    for path, _, operation in _operations(document):
        told = operation["responses"]
        if "schema" not in told.get("200", {}) or "schema" not in told.get("default", {}):
            yield f"{path}: 200 or default"
        if "202" in told and set(told["202"].get("headers", {})) != {"Location", "Retry-After"}:
            yield f"{path}: 202"


def choices(document: Json) -> Iterator[str]:
    """The labels of choices are those of its values."""
    for place, schema in _schemas(document):
        named = schema.get("x-ms-enum-values")
        if named is not None and [one["value"] for one in named] != schema.get("enum"):
            yield place


def metadata(document: Json) -> Iterator[str]:
    """Website, privacy policy and categories are given."""
    told = {one["propertyName"]: one["propertyValue"] for one in document.get("x-ms-connector-metadata", [])}
    if not all(told.get(name) for name in ("Website", "Privacy policy", "Categories")):
        yield str(sorted(told))


def property_violations(properties: Json) -> Iterator[str]:
    """Whoever makes a connection is asked for a key, hidden, and told what to paste."""
    told = properties.get("properties", {})
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", told.get("iconBrandColor", "")):
        yield "iconBrandColor"
    for name, one in told.get("connectionParameters", {}).items():
        ui = one.get("uiDefinition", {})
        if one.get("type") != "securestring" or ui.get("constraints", {}).get("clearText") is not False:
            yield f"{name} is shown"
        if not all(ui.get(key) for key in ("displayName", "description", "tooltip")):
            yield f"{name} does not say what to paste"
    if not told.get("connectionParameters"):
        yield "nothing is asked for"


def _resolve(document: Mapping[str, Any], schema: Json) -> Json:
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["definitions"][name] if name else schema


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        size,
        operation_count,
        schema_count,
        dialect,
        extensions,
        security,
        address,
        operation_names,
        labels,
        visibility,
        dynamic_lists,
        responses,
        choices,
        metadata,
    )
}
