"""Reading a manifest's text: YAML without its traps, or JSON.

What stands in a file is what is meant, so this reads less than YAML allows. Keys are texts as they are
written. Only what JSON calls a number, ``true``, ``false`` and ``null`` are no texts; ``no``, ``on``,
``0755`` and ``2026-01-31`` are some. Anchors, aliases, tags, directives, merge keys, a second document and a
key that comes twice are refused, and so is what is too large, before it takes memory.

Source: YAML 1.2.2, sections 10.2 and 10.3.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import NoReturn, cast

from hookline.manifest.directives import find_directive
from hookline.manifest.problems import Path, PathPart, UnreadableError
from hookline.manifest.scalars import read_plain

MAX_BYTES = 32_000_000
"""Most bytes of a manifest."""
MAX_DEPTH = 64
"""Most values inside of each other."""
MAX_NODES = 1_000_000
"""Most keys and values."""
_MAX_INTEGER = 2**63 - 1


def read_manifest_text(content: bytes) -> object:
    """Return the JSON value that a manifest's bytes stand for.

    Args:
        content: YAML, or JSON, in UTF-8.

    Raises:
        UnreadableError: If it is neither, or holds what a manifest must not; names the line.
    """
    text = _decode(content)
    if text.lstrip()[:1] == "{":
        try:
            return _read_json(text)
        except json.JSONDecodeError:
            pass  # YAML may begin so too
    return _Builder(text).build()


def find_lines(content: bytes, paths: Collection[Path]) -> dict[Path, int]:
    """Return the lines, counted from 1, of keys and items; only of those that are there.

    Args:
        content: A manifest's bytes, which could be read.
        paths: What is looked for.
    """
    wanted = set(paths)
    found: dict[Path, int] = {}
    try:
        for path, line in _walk(_decode(content)):
            if path in wanted:
                found.setdefault(path, line)
                if len(found) == len(wanted):
                    break
    except UnreadableError:
        pass  # JSON with escapes that YAML does not know
    return found


def _decode(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise UnreadableError(f"is larger than {MAX_BYTES:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise UnreadableError("is not UTF-8", line=line) from None


# ---------------------------------------------------------------- JSON


def _read_json(text: str) -> object:
    nodes = 0

    def pairs(members: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal nodes
        nodes += 2 * len(members)
        if nodes > MAX_NODES:
            raise UnreadableError(f"holds more than {MAX_NODES:,} keys and values")
        made = dict(members)
        if len(made) != len(members):
            names = [name for name, _ in members]
            twice = next(name for position, name in enumerate(names) if name in names[:position])
            raise UnreadableError(f"has the key `{twice[:80]}` twice in one object")
        return made

    try:
        value = json.loads(
            text, object_pairs_hook=pairs, parse_int=_integer, parse_float=_float, parse_constant=_no_constant
        )
    except RecursionError:
        raise UnreadableError(f"is nested deeper than {MAX_DEPTH} levels") from None
    _check_json(value)
    return value


def _check_json(value: object) -> None:
    """Refuse what is too deep, and texts that UTF-8 cannot write."""
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[object] = []
        for one in level:
            if isinstance(one, dict):
                below += one.values()
                for name in one:
                    _check_text(name, None)
            elif isinstance(one, list):
                below += one
            elif isinstance(one, str):
                _check_text(one, None)
        if not below:
            return
        level = below
    raise UnreadableError(f"is nested deeper than {MAX_DEPTH} levels")


def _integer(text: str) -> int:
    if len(text) > 19 + (text[0] == "-") or abs(int(text)) > _MAX_INTEGER:
        raise UnreadableError(
            f"has the number {text[:40]}, which does not fit into 64 bits; quote it if it is a text"
        )
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise UnreadableError(f"has the number {text[:40]}, which is too large; quote it if it is a text")
    return value


def _no_constant(text: str) -> NoReturn:
    raise UnreadableError(f"has {text}, which is no JSON")


def _check_text(text: str, line: int | None) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnreadableError("has half a surrogate pair, which is no character", line=line) from None


# ---------------------------------------------------------------- YAML


class _Builder:
    """Makes the value of the one document of a text, without recursion.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self._events = _events_of(text)
        self._nodes = 0

    def build(self) -> object:
        import yaml

        stack: list[tuple[dict[str, object] | list[object], str | None]] = []
        holder: dict[str, object] | list[object] | None = None
        key: str | None = None
        root: object = None
        has_root = False
        for event in self._events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                if type(holder) is dict and key is None:
                    key = self._key(event, holder)
                    continue
                value = _scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                if type(holder) is dict and key is None:
                    _fail("has a key that is no text", event)
                value = {} if kind is yaml.MappingStartEvent else []
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                holder, key = stack.pop() if stack else (None, None)
                key = None
                continue
            else:
                continue
            self._nodes += 1
            if self._nodes > MAX_NODES:
                _fail(f"holds more than {MAX_NODES:,} keys and values", event)
            if holder is None:
                root, has_root = value, True
            elif type(holder) is dict:
                holder[cast("str", key)] = value
                key = None
            else:
                cast("list[object]", holder).append(value)
            if kind is not yaml.ScalarEvent:
                stack.append((cast("dict[str, object]", holder), None))
                if len(stack) > MAX_DEPTH:
                    _fail(f"is nested deeper than {MAX_DEPTH} levels", event)
                holder, key = cast("dict[str, object] | list[object]", value), None
        if not has_root:
            raise UnreadableError("is empty")
        return root

    def _key(self, event: object, holder: dict[str, object]) -> str:
        name = str(event.value)  # type: ignore[attr-defined]  # PyYAML has no types of events here
        if name == "<<" and not event.style:  # type: ignore[attr-defined]  # as above
            _fail("has the merge key `<<`; write out what it would bring", event)
        if name in holder:
            _fail(f"has the key `{name[:80]}` twice", event)
        _check_text(name, _line(event))
        self._nodes += 1
        return name


def _scalar(event: object) -> object:
    text: str = event.value  # type: ignore[attr-defined]  # PyYAML has no types of events here
    if not event.style:  # type: ignore[attr-defined]  # as above
        try:
            value = read_plain(text, read_integer=_integer, read_float=_float)
        except UnreadableError as exc:
            _fail(exc.problem, event)
        if value is not text:
            return value
    if not text.isascii():
        _check_text(text, _line(event))
    return text


def _events_of(text: str) -> Iterator[object]:
    """Yield the events of the one document of a text; refuse what a manifest must not hold."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = 0
    directive = find_directive(text)
    if directive is not None:
        name, line = directive
        raise UnreadableError(f"has the directive `{name}`; directives are not read here", line=line)
    try:
        for event in yaml.parse(text, Loader=loader):
            kind = type(event)
            if kind is yaml.AliasEvent:
                _fail(f"has the alias `*{_anchor(event)}`; write out what it stands for", event)
            if kind is yaml.DocumentStartEvent:
                documents += 1
                if documents > 1:
                    _fail("has a second document; a manifest is one", event)
            elif _anchor(event) is not None:
                _fail(f"has the anchor `&{_anchor(event)}`; anchors and aliases are not read here", event)
            elif getattr(event, "tag", None) is not None:
                _fail(f"has the tag `{str(getattr(event, 'tag', ''))[:80]}`; tags are not read here", event)
            yield event
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        problem = exc.problem or exc.context or "it cannot be read"
        where = mark.line + 1 if mark else None
        raise UnreadableError(f"is not YAML: {problem}{_remedy(problem, text, where)}", line=where) from None
    except yaml.YAMLError as exc:
        first = str(exc).splitlines()[0] if str(exc) else type(exc).__name__
        raise UnreadableError(f"is not YAML: {first}") from None
    except (RecursionError, ValueError, OverflowError) as exc:
        if isinstance(exc, UnreadableError):
            raise
        raise UnreadableError(f"is not YAML: {type(exc).__name__}") from None


def _remedy(problem: str, text: str, line: int | None) -> str:
    """Return what to do about the mistakes that are made most, as the end of a sentence."""
    lines = text.splitlines()
    if "cannot start any token" in problem:
        has_tab = line is not None and line <= len(lines) and "\t" in lines[line - 1]
        return "; indent with spaces, not with tabs" if has_tab else "; put the text in quotes"
    if "mapping values are not allowed" in problem:
        return "; put a text that holds `: ` in quotes"
    return ""


def _walk(text: str) -> Iterator[tuple[Path, int]]:
    """Yield the path and line of every key and item."""
    import yaml

    path: list[PathPart] = []
    kinds: list[bool] = []  # for each level: whether it is a mapping
    is_key = False
    for event in _events_of(text):
        kind = type(event)
        if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            kinds.pop()
            path.pop()
            is_key = bool(kinds) and kinds[-1]
            continue
        if kind not in (yaml.ScalarEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent):
            continue
        if kinds and kinds[-1] and is_key:
            path[-1] = event.value  # type: ignore[attr-defined]  # PyYAML has no types of events here
            is_key = False
            yield tuple(path), _line(event)
            continue
        if kinds and not kinds[-1]:
            path[-1] = cast("int", path[-1]) + 1
            yield tuple(path), _line(event)
        elif not kinds:
            yield (), _line(event)
        if kind is yaml.ScalarEvent:
            is_key = bool(kinds) and kinds[-1]
            continue
        kinds.append(kind is yaml.MappingStartEvent)
        path.append("" if kinds[-1] else -1)
        is_key = kinds[-1]


def _anchor(event: object) -> str | None:
    name = getattr(event, "anchor", None)
    return None if name is None else str(name)[:80]


def _line(event: object) -> int:
    return int(event.start_mark.line) + 1  # type: ignore[attr-defined]  # PyYAML has no types of events here


def _fail(problem: str, event: object) -> NoReturn:
    raise UnreadableError(problem, line=_line(event))
