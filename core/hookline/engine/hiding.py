"""Taking out of a service's refusal what it repeats of the credential, before anybody reads it."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.upstream import UpstreamRequest

HIDDEN = b"[hidden]"
_MIN_LENGTH = 8  # what is shorter stands in other words too


def hide_credential(content: bytes, *, plain: UpstreamRequest, signed: UpstreamRequest) -> bytes:
    """Return a refusal without the credential that signing put on its request.

    Args:
        content: The refusal's body.
        plain: The request before it was signed.
        signed: The request as it was sent.
    """
    for secret in _forms(_added(plain, signed)):
        content = content.replace(secret, HIDDEN)
    return content


def _added(plain: UpstreamRequest, signed: UpstreamRequest) -> list[str]:
    """Return the values of headers and of the query that signing added."""
    added = [value for name, value in signed.headers.items() if plain.headers.get(name) != value]
    if plain.path != signed.path:
        before = dict(parse_qsl(plain.path.partition("?")[2]))
        added += [
            value for name, value in parse_qsl(signed.path.partition("?")[2]) if before.get(name) != value
        ]
    return added


def _forms(values: Iterable[str]) -> list[bytes]:
    found: set[str] = set()
    for value in values:
        word = value.rpartition(" ")[2]  # without `Bearer` in front
        found |= {value, word, quote(word, safe="")}
        if value.lower().startswith("basic "):
            found |= _parts_of_basic(word)
    forms = {form.encode() for form in found if len(form) >= _MIN_LENGTH}
    return sorted(forms, key=len, reverse=True)  # the longest first: one may hold another


def _parts_of_basic(word: str) -> set[str]:
    try:
        pair = base64.b64decode(word, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return set()
    return {pair, pair.partition(":")[2]}
