"""Keys for platforms that take only plain names; what is sent keeps the real ones."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from hookline.exports.names import unique_names

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_UNFIT = re.compile(r"[^A-Za-z0-9]+")
MEMBERS_IN_JAVASCRIPT = frozenset(
    {
        "constructor",
        "hasOwnProperty",
        "isPrototypeOf",
        "propertyIsEnumerable",
        "prototype",
        "toLocaleString",
        "toString",
        "valueOf",
    }
)
"""Names that every object of JavaScript has, so that no platform written in it tells a field of that name."""

_TAKEN = MEMBERS_IN_JAVASCRIPT | {"accountName", "teamID"}  # Make fills in the last two itself
_MAX_KEY = 100


def field_keys(names: Iterable[str]) -> dict[str, str]:
    """Return a key for each name: the name itself where it is plain.

    Raises:
        ConfigurationError: If two names would get the same key.
    """
    return unique_names(names, lambda name: name if is_plain(name) else marked_key(name))


def is_plain(name: str) -> bool:
    """Tell whether a name can be a key as it is.

    It is made of letters, digits and ``_``, begins with a letter, and has no ``__``, which platforms read as
    a path.
    """
    return (
        len(name) <= _MAX_KEY and _PLAIN.match(name) is not None and "__" not in name and name not in _TAKEN
    )


def marked_key(text: str) -> str:
    """Return a key for any text: what is plain of it, and a mark that tells it apart from others like it.

    The mark depends on nothing but the text, so that a key never changes when another comes or goes.
    """
    plain = _UNFIT.sub("_", text).strip("_")[: _MAX_KEY - 20].rstrip("_")
    if not plain[:1].isalpha():
        plain = f"field_{plain}".rstrip("_")
    return f"{plain}_{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"
