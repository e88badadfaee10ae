"""The reference of manifests: a table of keys for each part of the format, made from it."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, cast

import pytest

from hookline.manifest import parse_manifest
from hookline.manifest.json_schema import manifest_schema

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docs.conftest import Block

PAGE = "docs/reference/manifest.md"
HOW_TO = "docs/how-to/connect-an-api-without-python.md"
Json = dict[str, object]

_MARK = re.compile(r"<!-- keys: (\w+) -->\n(?:\n|\|[^\n]*\n)*")


def _tables() -> dict[str, Json]:
    schema = manifest_schema()
    return {"Manifest": schema, **cast("dict[str, Json]", schema["$defs"])}


def _kind(schema: Json) -> str:
    """Return in a few words what a key may hold."""
    if "$ref" in schema:
        name = _title(str(schema["$ref"]).rpartition("/")[2])
        return f"[{name}](#{name})"
    for name in ("anyOf", "oneOf"):
        if name in schema:
            kinds = [_kind(one) for one in cast("list[Json]", schema[name]) if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in cast("list[str]", schema["enum"]))
    if schema.get("type") == "array":
        return f"list of {_kind(cast('Json', schema['items']))}"
    if schema.get("type") == "object":
        if "not" in schema:
            return "JSON Schema"
        inner = next(iter(cast("dict[str, Json]", schema.get("patternProperties", {})).values()), None)
        inner = inner or cast("Json | bool | None", schema.get("additionalProperties"))  # type: ignore[assignment]
        return f"table of {_kind(inner)}" if isinstance(inner, dict) else "table"
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
    return words.get(str(schema.get("type")), "anything")


def _title(name: str) -> str:
    return name.removesuffix("Part").lower()


def _default(schema: Json, *, is_needed: bool) -> str:
    if is_needed:
        return "needed"
    value = schema.get("default")
    return "" if value in (None, "") else f"`{json.dumps(value)}`"


def table_of(name: str) -> str:
    """Return the table of one part."""
    schema = _tables()[name]
    needed = cast("list[str]", schema.get("required", []))
    lines = [f"<!-- keys: {name} -->", "", "| Key | Holds | Default | Meaning |", "|---|---|---|---|"]
    for key, member in cast("dict[str, Json]", schema["properties"]).items():
        meaning = str(member.get("description", "")).replace("|", "\\|")
        default = _default(member, is_needed=key in needed)
        lines.append(f"| `{key}` | {_kind(member)} | {default} | {meaning} |")
    return "\n".join([*lines, ""])


def test_every_key_stands_in_the_table_of_its_part(root: Path) -> None:
    path = root / PAGE
    text = path.read_text("utf-8")
    wanted = _MARK.sub(lambda match: table_of(match[1]) + "\n", text)
    if os.environ.get("HOOKLINE_WRITE_DOCS"):
        path.write_text(wanted, "utf-8")
        return
    assert text == wanted
    assert sorted(_MARK.findall(text)) == sorted(_tables())


def _yaml_blocks(read_blocks: object) -> list[Block]:
    from collections.abc import Callable

    read = cast("Callable[[str], list[Block]]", read_blocks)
    return [block for page in (PAGE, HOW_TO) for block in read(page) if block.language == "yaml"]


def test_every_piece_of_a_manifest_on_the_pages_is_of_the_format(read_blocks: object) -> None:
    """Pieces are completed to a whole manifest by where their keys belong."""
    for block in _yaml_blocks(read_blocks):
        try:
            parse_manifest(_whole(block.text).encode(), name=str(block))
        except Exception as exc:
            pytest.fail(f"{block}: {exc}")


def _whole(text: str) -> str:
    head = "manifest: 1\nid: acme\ntitle: Acme\nbase_url: https://api.acme.example\n"
    action = "actions:\n  find:\n    method: GET\n    path: /\n"
    if text.lstrip().startswith("# yaml-language-server"):
        return head + action
    if re.search(r"^manifest:", text, re.MULTILINE):
        return text
    first = text.split(":", 1)[0]
    top = cast("Json", manifest_schema()["properties"])
    if first in top:
        return head + text + ("" if first == "actions" else action)
    return head + action + "".join(f"    {line}\n" for line in text.splitlines())
