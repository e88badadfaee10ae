"""Writing a manifest as YAML that every reader of YAML takes for the same, and that people like to read."""

from __future__ import annotations

import re
from typing import cast

_PLAIN = re.compile(r"[A-Za-z/$][A-Za-z0-9_./{}$ -]*[A-Za-z0-9_./}$-]|[A-Za-z/$]")
"""Texts that need no quotes, also where others follow YAML 1.1; words such as ``no`` are left out below."""
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))
_WIDTH = 110
_MAX_IMPLICIT_KEY = 900
"""Most characters of a key without a question mark; YAML 1.2.2, section 7.4.2, wants 1,024 at most."""


def write_manifest_text(manifest: dict[str, object]) -> str:
    """Return a manifest as YAML; `read_manifest_text` gives the same value back.

    Args:
        manifest: JSON values only.
    """
    lines: list[str] = []
    _write_object(manifest, 0, lines)
    return "\n".join(lines) + "\n"


def _write_object(value: dict[str, object], depth: int, lines: list[str]) -> None:
    for name, inner in value.items():
        key = _text(name, is_key=True)
        start = f"{'  ' * depth}{key}:"
        if len(key) > _MAX_IMPLICIT_KEY:
            lines.append(f"{'  ' * depth}? {key}")
            start = f"{'  ' * depth}:"
        _write_member(start, inner, depth, lines)


def _write_member(start: str, value: object, depth: int, lines: list[str]) -> None:
    if isinstance(value, dict) and value:
        lines.append(start)
        _write_object(cast("dict[str, object]", value), depth + 1, lines)
    elif isinstance(value, list) and value:
        flow = _flow(value)
        if flow is not None and len(start) + len(flow) < _WIDTH:
            lines.append(f"{start} {flow}")
        else:
            lines.append(start)
            _write_list(value, depth + 1, lines)
    else:
        lines.append(f"{start} {_scalar(value)}")


def _write_list(value: list[object], depth: int, lines: list[str]) -> None:
    for item in value:
        dash = f"{'  ' * depth}-"
        if isinstance(item, (dict, list)) and item:
            inner: list[str] = []
            if isinstance(item, dict):
                _write_object(cast("dict[str, object]", item), depth + 1, inner)
            else:
                _write_list(item, depth + 1, inner)
            lines.append(f"{dash} {inner[0].lstrip()}")
            lines += inner[1:]
        else:
            lines.append(f"{dash} {_scalar(item)}")


def _flow(value: list[object]) -> str | None:
    """Return a list of simple values in one line; None if it holds others."""
    if any(isinstance(item, (dict, list)) and item for item in value):
        return None
    return f"[{', '.join(_scalar(item, in_flow=True) for item in value)}]"


def _scalar(value: object, *, in_flow: bool = False) -> str:
    if isinstance(value, str):
        return _text(value, in_flow=in_flow)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    number = repr(value)
    return number.replace("e", ".0e") if "e" in number and "." not in number else number


def _text(text: str, *, is_key: bool = False, in_flow: bool = False) -> str:
    is_plain = (
        _PLAIN.fullmatch(text) is not None
        and text.lower() not in _WORDS
        and "{" not in text[:1]
        and (not in_flow or not set("{}") & set(text))
        and (not is_key or len(text) < 100)
    )
    if is_plain:
        return text
    import json

    return _escape(json.dumps(text, ensure_ascii=False))


def _escape(quoted: str) -> str:
    """Escape what JSON leaves as it is and YAML does not print (YAML 1.2.2, section 5.1)."""
    return "".join(one if _is_printable(one) else _code(one) for one in quoted)


def _is_printable(one: str) -> bool:
    return (
        " " <= one <= "~"
        or ("\xa0" <= one < "\ud800" and one not in "\u2028\u2029")
        or (one > "\ue000" and one not in "\ufeff\ufffe\uffff")
    )


def _code(one: str) -> str:
    code = ord(one)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
