"""Directives of YAML, which are looked for before a text is parsed.

Parsers compare each ``%TAG`` with all others before it, so some ten thousand of them take many seconds, in
which no other thread of the process runs.

Source: YAML 1.2.2, section 6.8.
"""

from __future__ import annotations

import re

_DIRECTIVE = re.compile(r"%(?<![^\n\r\x85\u2028\u2029\ufeff]%)(?!YAML[ \t])[A-Za-z0-9_-]{0,40}")


def find_directive(text: str) -> tuple[str, int] | None:
    """Return the first directive of a text and its line, counted from 1; ``%YAML`` does not count.

    A line inside of a quoted text that begins with ``%`` is taken for one: it should be indented.

    Args:
        text: YAML.
    """
    found = _DIRECTIVE.search(text)
    if found is None:
        return None
    return found[0], text.count("\n", 0, found.start()) + 1
