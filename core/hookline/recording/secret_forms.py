"""Finding secrets in texts: as they are, quoted, escaped, and inside of base64."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable
from html import escape
from urllib.parse import quote, quote_plus

MIN_LENGTH = 6
"""A shorter text is no secret that could be told from other words."""

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{12,}={0,2}")
_PERCENT = re.compile(r"%[0-9A-F]{2}")
_WORDS = re.compile(r"[ :]")


class SecretForms:
    """Knows secrets, and how they may look.

    Args:
        secrets: The secrets; parts of ``user:password`` and the word behind ``Bearer`` count too.
        whole: Secrets whose parts are none, such as a sentence.
    """

    def __init__(self, secrets: Iterable[str], *, whole: Iterable[str] = ()) -> None:
        parts = {part for secret in secrets for part in (secret, *_WORDS.split(secret))} | set(whole)
        self.secrets = frozenset(part for part in parts if len(part) >= MIN_LENGTH)
        forms = set()
        for secret in self.secrets:
            quoted = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
            escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
            forms |= {secret, escape(secret), *quoted, *escaped}
            forms |= {_PERCENT.sub(lambda found: found.group().lower(), form) for form in quoted}
            forms |= {form.replace("/", "\\/") for form in escaped}
        self._forms = sorted(forms, key=len, reverse=True)
        self._bytes = [secret.encode() for secret in self.secrets]

    def hide(self, text: str, stand_in: str) -> str:
        """Return a text with something else in place of every secret."""
        for form in self._forms:
            text = text.replace(form, stand_in)
        if not self._bytes:
            return text
        return _BASE64.sub(lambda found: stand_in if self._is_inside(found.group()) else found.group(), text)

    def is_in(self, text: str) -> bool:
        """Tell whether a text holds a secret in any form."""
        return any(form in text for form in self._forms) or any(
            self._is_inside(found) for found in _BASE64.findall(text)
        )

    def _is_inside(self, word: str) -> bool:
        """Tell whether base64, with or without padding and in either alphabet, holds a secret."""
        plain = word.rstrip("=").replace("-", "+").replace("_", "/")
        for start in range(4):  # what stands in front may be of the same letters
            part = plain[start:]
            part = part[: len(part) - (len(part) % 4 == 1)]
            try:
                content = base64.b64decode(part + "=" * (-len(part) % 4))
            except (binascii.Error, ValueError):
                continue
            if any(secret in content for secret in self._bytes):
                return True
        return False
