"""Reading the text of a document into JSON values: JSON, or YAML as far as OpenAPI allows it.

OpenAPI wants YAML whose values are JSON, with texts as keys. So ``no``, ``on`` and ``2026-01-31`` are texts
here, and tags are left aside. Aliases are followed, because documents use them; what they would add up to is
counted before it exists.

Source: OpenAPI Specification 3.1.1, section "Format"; YAML 1.2.2, section 10.2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NoReturn, cast

from hookline.errors import ConfigurationError

MAX_BYTES = 50 * 1024 * 1024
"""Most bytes of a document."""
MAX_NODES = 4_000_000
"""Most keys and values, counted as if every alias were written out."""
MAX_YAML_NODES = 1_500_000
"""As `MAX_NODES`, for YAML, which takes longer to read."""
MAX_DEPTH = 200
"""Most values inside of each other."""

_BOM = "﻿"
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_MAX_INTEGER = 2**63 - 1
_MAX_DIGITS = 400
_WORDS: dict[str, object] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_tree(content: bytes, *, name: str) -> object:
    """Return the JSON value that a document's bytes stand for.

    Args:
        content: JSON or YAML in UTF-8; UTF-16 with its mark is read too.
        name: What the document is called, for messages.

    Raises:
        ConfigurationError: If it is neither, or too large.
    """
    if len(content) > MAX_BYTES:
        raise ConfigurationError(
            f"{name} has {len(content):,} bytes, and at most {MAX_BYTES:,} are read. "
            "Cut it down to the operations that you need."
        )
    text = _decode(content, name)
    if text.lstrip()[:1] in ("{", "["):
        try:
            value = _read_json(text, name)
        except json.JSONDecodeError as exc:
            found = _after_json_failed(text, exc, name)
        except RecursionError:
            raise _too_deep(name) from None
        else:
            _check_size(value, name)
            return value
        return found
    return _YamlReader(text, name).read()


def _decode(content: bytes, name: str) -> str:
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return content.decode(encoding).lstrip(_BOM)
    except UnicodeDecodeError as exc:
        raise ConfigurationError(f"{name} is not UTF-8: byte {exc.start:,} is not. Save it as UTF-8.") from None


def _after_json_failed(text: str, exc: json.JSONDecodeError, name: str) -> object:
    """Read as YAML what begins like JSON and is none, such as ``{openapi: 3.1.0}``."""
    try:
        return _YamlReader(text, name).read()
    except ConfigurationError:
        raise ConfigurationError(
            f"{name} is not JSON, and not YAML: {exc.msg} in line {exc.lineno}, column {exc.colno}."
        ) from None


def _read_json(text: str, name: str) -> object:
    import orjson

    try:
        value: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        # What it does not take, such as numbers beyond all bounds, others do; and their messages are better.
        value = json.loads(text, parse_int=_integer, parse_float=_float, parse_constant=lambda _: None)
        _check_characters(json.dumps(value, ensure_ascii=False), name)
    return value


def _check_characters(text: str, name: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name} has half a surrogate pair, which is no character.") from None


def _check_size(value: object, name: str) -> None:
    """Refuse what is too deep or too much."""
    level = [value]
    nodes = 0
    for _ in range(MAX_DEPTH):
        nodes += len(level)
        if nodes > MAX_NODES:
            raise _too_many(name, MAX_NODES)
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
    raise _too_deep(name)


def _too_deep(name: str) -> ConfigurationError:
    return ConfigurationError(f"{name} is nested deeper than {MAX_DEPTH} levels, which no API needs.")


def _too_many(name: str, most: int) -> ConfigurationError:
    return ConfigurationError(
        f"{name} holds more than {most:,} values. Cut it down to the operations that you need."
    )


def _integer(text: str) -> int | float:
    if len(text) > _MAX_DIGITS:
        return _float(text)
    value = int(text)
    return value if abs(value) <= _MAX_INTEGER else _float(text)


def _float(text: str) -> float:
    value = float(text)
    return min(max(value, -1e308), 1e308)


class _YamlReader:
    """Makes the value of a YAML document from its events, without recursion.

    Args:
        text: The text.
        name: What it is called, for messages.
    """

    def __init__(self, text: str, name: str) -> None:
        self._text = text
        self._name = name
        self._anchors: dict[str, tuple[object, int]] = {}

    def read(self) -> object:
        """Return the value.

        Raises:
            ConfigurationError: If there is none, or it is too large.
        """
        import yaml

        scalar, start_map, start_list = yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent
        end_map, end_list, alias = yaml.MappingEndEvent, yaml.SequenceEndEvent, yaml.AliasEvent
        # What is open: the value, the key that waits for its value, its anchor, the nodes before it.
        stack: list[tuple[object, str | None, str | None, int]] = []
        holder: object = None
        key: str | None = None
        anchor: str | None = None
        opened_at = 0
        root: object = None
        has_root = False
        nodes = 0
        for event in self._events():
            kind = type(event)
            if kind is scalar:
                nodes += 1
                if not event.value.isascii():
                    _check_characters(event.value, self._name)
                if type(holder) is dict and key is None:
                    key = event.value
                    if event.anchor:
                        self._anchors[event.anchor] = (key, 1)
                    continue
                value = event.value if event.style else _plain(event.value)
                if event.anchor:
                    self._anchors[event.anchor] = (value, 1)
            elif kind is start_map or kind is start_list:
                if type(holder) is dict and key is None:
                    self._fail("has a key that is no text", event)
                nodes += 1
                value = {} if kind is start_map else []
                self._put(holder, key, value)
                if holder is None:
                    root, has_root = value, True
                stack.append((holder, None, anchor, opened_at))
                if len(stack) > MAX_DEPTH:
                    raise _too_deep(self._name)
                holder, key, anchor, opened_at = value, None, event.anchor, nodes
                continue
            elif kind is end_map or kind is end_list:
                if anchor:
                    self._anchors[anchor] = (holder, nodes - opened_at + 1)
                holder, key, anchor, opened_at = stack.pop()
                continue
            elif kind is alias:
                found = self._anchors.get(event.anchor)
                if found is None:
                    self._fail(f"has the alias `*{event.anchor[:80]}` inside of what it stands for", event)
                value = found[0]
                nodes += found[1]
                if type(holder) is dict and key is None:
                    if not isinstance(value, str):
                        self._fail("has a key that is no text", event)
                    key = value
                    continue
            else:
                continue
            if nodes > MAX_YAML_NODES:
                raise _too_many(self._name, MAX_YAML_NODES)
            if holder is None:
                root, has_root = value, True
            else:
                self._put(holder, key, value)
                key = None
        if not has_root:
            raise ConfigurationError(f"{self._name} is empty.")
        return root

    @staticmethod
    def _put(holder: object, key: str | None, value: object) -> None:
        if type(holder) is dict:
            if key == "<<" and isinstance(value, (dict, list)):
                for merged in value if isinstance(value, list) else [value]:
                    if isinstance(merged, dict):
                        for name, one in merged.items():
                            holder.setdefault(name, one)
            else:
                holder[cast("str", key)] = value
        elif type(holder) is list:
            holder.append(value)

    def _events(self) -> Iterator[object]:
        import yaml

        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        documents = 0
        try:
            for event in yaml.parse(self._text, Loader=loader):
                if type(event) is yaml.DocumentStartEvent:
                    documents += 1
                    if documents > 1:
                        return
                yield event
        except yaml.MarkedYAMLError as exc:
            mark = exc.problem_mark or exc.context_mark
            where = f" in line {mark.line + 1}" if mark else ""
            raise ConfigurationError(
                f"{self._name} is not YAML: {exc.problem or exc.context or 'it cannot be read'}{where}."
            ) from None
        except yaml.YAMLError as exc:
            first = (str(exc).splitlines() or [type(exc).__name__])[0]
            raise ConfigurationError(f"{self._name} is not YAML: {first}.") from None
        except RecursionError:
            raise _too_deep(self._name) from None

    def _fail(self, problem: str, event: object) -> NoReturn:
        line = event.start_mark.line + 1  # type: ignore[attr-defined]  # PyYAML has no types of events here
        raise ConfigurationError(f"{self._name} {problem}, in line {line}.")


def _plain(text: str) -> object:
    """Return what an unquoted scalar stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "-0123456789" and (found := _NUMBER.fullmatch(text)):
        return _float(text) if found[1] or found[2] else _integer(text)
    return text
