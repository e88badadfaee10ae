"""Telling at a glance that headers can be sent as they are, as those of nearly every request can."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")
_MOST_KNOWN = 1000
_MOST_LENGTH = 60

_known_names: set[str] = set()
"""Names that were looked at and can be sent. There are few, and they come in every request."""


def are_plain(headers: Mapping[str, str]) -> bool:
    """Tell whether every name is one in lower case and every value is of visible ASCII and spaces.

    If not, some may still be sent: such as a value that holds a tab.
    """
    if not _known_names.issuperset(headers):
        for name in headers:
            if type(name) is not str or not _NAME.fullmatch(name):
                return False
        if len(_known_names) < _MOST_KNOWN:
            _known_names.update(name for name in headers if len(name) <= _MOST_LENGTH)
    try:
        values = "".join(headers.values())
    except TypeError:  # one is no text
        return False
    return values.isascii() and values.isprintable()
