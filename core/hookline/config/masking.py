"""Showing a setting without the secrets in it: by its type, by its name, and by what a URL says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from pydantic import BaseModel, Secret, SecretBytes, SecretStr

from hookline.secret_names import is_secret_name
from hookline.secret_texts import replace_spans, spans_in_text

MASK = "**********"


def masked(name: str, value: object, *, is_secret: bool = False) -> object:
    """Return a value as JSON in which no secret shows.

    Args:
        name: Name of the setting: all texts of one that is called a password or a token are masked, those in
            its lists and tables too.
        value: Its value.
        is_secret: Whether it stands in a table that is named like a secret.
    """
    return _masked(value, is_secret=is_secret or is_secret_name(name))


def _masked(value: object, *, is_secret: bool) -> object:
    if isinstance(value, (SecretStr, SecretBytes, Secret)):
        return MASK if value.get_secret_value() not in ("", b"", None) else ""
    members = _members(value)
    if members is not None:
        return {
            name: _masked(member, is_secret=is_secret or is_secret_name(name))
            for name, member in members.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else value
        return [_masked(one, is_secret=is_secret) for one in items]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return MASK if text and is_secret else replace_spans(text, spans_in_text(text), MASK)


def _members(value: object) -> dict[str, object] | None:
    """Return the members of a table or an object, None for anything else."""
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields} | (value.model_extra or {})
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): member for name, member in value.items()}
    return None
