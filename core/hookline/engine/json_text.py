"""Reading a JSON object that a stranger sent: strict, bounded and fast.

orjson refuses NaN, lone surrogates, a byte-order mark and text after the end, but takes the last of two
equal keys. Two readers that disagree about a duplicate are how checks are evaded, so it is refused.
"""

from __future__ import annotations

import json

import orjson

from hookline.errors import MalformedRequestError

MAX_DEPTH = 100
MAX_MEMBERS = 100_000
MAX_ITEMS = 1_000_000
_FEW_QUOTES = 1000
_SMALL_BYTES = MAX_MEMBERS  # so few bytes hold neither too many members nor too many items

_BOMS = (
    (b"\xef\xbb\xbf", "a UTF-8 byte-order mark"),
    (b"\xff\xfe", "UTF-16 or UTF-32"),
    (b"\xfe\xff", "UTF-16"),
)


def parse_object(content: bytes) -> dict[str, object]:
    """Return the JSON object in ``content``.

    Args:
        content: UTF-8 text of one JSON object.

    Raises:
        MalformedRequestError: If it is not JSON, not an object, has a key twice, is nested deeper than
            100 levels or has more than 100,000 members or 1,000,000 list items; the message says which.
    """
    if not content or content.isspace():
        raise MalformedRequestError("The body is empty; send a JSON object.", code="empty_body")
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as exc:
        raise MalformedRequestError(
            f"The body is not valid JSON: {_reason(content, exc)}.", code="invalid_json"
        ) from exc
    if not isinstance(value, dict):
        raise MalformedRequestError(
            f"The body must be a JSON object such as {{…}}, not {_kind(value)}.", code="not_an_object"
        )
    if not (len(content) < _SMALL_BYTES and _is_shallow(content) and orjson.dumps(value) == content):
        _check_structure(content, value)
    found: dict[str, object] = value
    return found


def _is_shallow(content: bytes) -> bool:
    return content.count(b"{") + content.count(b"[") <= MAX_DEPTH


def _check_structure(content: bytes, value: object) -> None:
    """Refuse what is too large or too deep, and keys that come twice.

    What is small, shallow and written just as it would be written from what was read needs no such look: no
    key was swallowed as a duplicate.
    """
    members = _count_members(value)
    # Fewer colons than members would be impossible; as many mean that there is no duplicate, too.
    colons = _colons_outside_texts(content)
    if colons is None:
        colons = content.count(b":")
    if colons != members and orjson.dumps(value) != content:
        json.loads(content, object_pairs_hook=_refuse_duplicates)


def _colons_outside_texts(content: bytes) -> int | None:
    """Return how many members a JSON text writes; None if it has many quotes, which would take long.

    To find the quotes of a few long texts is much faster than to look at each byte of them.
    """
    colons, before, is_text = 0, -1, False
    for _ in range(_FEW_QUOTES):
        quote = content.find(b'"', before + 1)
        if quote < 0:
            return colons + content.count(b":", before + 1)
        part = content[before + 1 : quote]
        if not is_text:
            colons += part.count(b":")
            is_text = True
        elif (len(part) - len(part.rstrip(b"\\"))) % 2 == 0:  # this quote is not escaped
            is_text = False
        before = quote
    return None


def _count_members(value: object) -> int:
    members = items = 0
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[object] = []
        for node in level:
            if isinstance(node, dict):
                members += len(node)
                below += [child for child in node.values() if isinstance(child, (dict, list))]
            elif isinstance(node, list):
                items += len(node)
                if items > MAX_ITEMS:
                    raise MalformedRequestError(
                        f"The body has more than {MAX_ITEMS:,} list items.", code="too_many_items"
                    )
                below += [child for child in node if isinstance(child, (dict, list))]
        if members > MAX_MEMBERS:
            raise MalformedRequestError(
                f"The body has more than {MAX_MEMBERS:,} object members.", code="too_many_members"
            )
        if not below:
            return members
        level = below
    raise MalformedRequestError(
        f"The body is nested deeper than {MAX_DEPTH} levels.", code="nested_too_deeply"
    )


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise MalformedRequestError(
                    f"The body has the key {key[:80]!r} twice.", code="duplicate_key", field=key[:80]
                )
            seen.add(key)
    return found


def _reason(content: bytes, exc: orjson.JSONDecodeError) -> str:
    for mark, name in _BOMS:
        if content.startswith(mark):
            return f"it starts with {name}; send plain UTF-8"
    if b"\x00" in content[:4]:
        return "it looks like UTF-16 or UTF-32; send UTF-8"
    if "depth limit" in str(exc):
        return f"it is nested deeper than {MAX_DEPTH} levels"
    if "control character" in str(exc):
        return f'{exc}; a line break inside a text is written \\n, and a quote \\"'
    return str(exc)


def _kind(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")
