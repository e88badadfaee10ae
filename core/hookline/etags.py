"""Whether a client has what it asks for already: the comparison of RFC 9110 for ``If-None-Match``."""

from __future__ import annotations

import re

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Tell whether a header ``If-None-Match`` names a tag, weak or not, or says ``*``.

    Args:
        if_none_match: The header's value; None if it was not sent.
        tag: The tag of what there is, in quotes and strong.
    """
    text = (if_none_match or "").strip()
    return text == "*" or tag in _TAG.findall(text)
