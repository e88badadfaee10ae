"""Reading the text of a document into JSON values: JSON, or YAML as far as OpenAPI allows it."""

from __future__ import annotations

import json
import re

from hookline.errors import ConfigurationError
from hookline.importing.bounds import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    check_characters,
    read_float,
    read_integer,
    too_deep,
    too_many,
)
from hookline.importing.yaml_tree import read_yaml

_BOM = "\ufeff"
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_tree(content: bytes, *, name: str, twice: list[str] | None = None) -> object:
    """Return the JSON value that a document's bytes stand for.

    Args:
        content: JSON or YAML in UTF-8; UTF-16 with its mark is read too.
        name: What the document is called, for messages.
        twice: Gets the keys that an object has twice; the last one counts.

    Raises:
        ConfigurationError: If it is neither, or too large.
    """
    twice = [] if twice is None else twice
    if len(content) > MAX_BYTES:
        raise ConfigurationError(
            f"{name} has {len(content):,} bytes, and at most {MAX_BYTES:,} are read. "
            "Cut it down to the operations that you need."
        )
    text = _decode(content, name)
    if text.lstrip()[:1] not in ("{", "["):
        return read_yaml(text, name=name, twice=twice)
    try:
        value = _read_json(text, name, twice)
    except json.JSONDecodeError as exc:
        return _after_json_failed(text, exc, name, twice)
    except RecursionError:
        raise too_deep(name) from None
    _check_size(value, name)
    if _SURROGATE.search(text):
        check_characters(json.dumps(value, ensure_ascii=False), name)
    return value


def _decode(content: bytes, name: str) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding).lstrip(_BOM)
    except UnicodeDecodeError as exc:
        raise ConfigurationError(
            f"{name} is not UTF-8: the byte at {exc.start:,} is not. Save it as UTF-8."
        ) from None


def _after_json_failed(text: str, exc: json.JSONDecodeError, name: str, twice: list[str]) -> object:
    """Read as YAML what begins like JSON and is none, such as ``{openapi: 3.1.0}``."""
    try:
        return read_yaml(text, name=name, twice=twice)
    except ConfigurationError:
        raise ConfigurationError(
            f"{name} is not JSON, and not YAML: {exc.msg} in line {exc.lineno}, column {exc.colno}."
        ) from None


def _read_json(text: str, name: str, twice: list[str]) -> object:
    def pairs(members: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(members)
        if len(made) != len(members):
            seen: set[str] = set()
            twice.extend(one for one, _ in members if one in seen or seen.add(one))  # type: ignore[func-returns-value]  # None, always
        return made

    value: object = json.loads(
        text,
        object_pairs_hook=pairs,
        parse_int=read_integer,
        parse_float=read_float,
        parse_constant=lambda _: None,
    )
    return value


def _check_size(value: object, name: str) -> None:
    """Refuse what is too deep or too much."""
    level = [value]
    nodes = 0
    for _ in range(MAX_DEPTH):
        nodes += len(level)
        if nodes > MAX_NODES:
            raise too_many(name, MAX_NODES)
        below: list[object] = []
        for one in level:
            if type(one) is dict:
                below += one.values()
            elif type(one) is list:
                below += one
        if not below:
            return
        level = [one for one in below if type(one) in (dict, list)]
        nodes += len(below) - len(level)
    raise too_deep(name)
