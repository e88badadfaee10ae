"""Taking a credential out of what a service answers: some repeat the address or the key they were sent.

An address that holds a key comes back in error texts, in links to the next page and in redirects.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

from hookline.engine.escapes import (
    has_escapes,
    length_of_begun,
    longest_plain_part,
    replace_meant,
    start_of_last,
    unescape,
)
from hookline.upstream import ErrorAnswer

if TYPE_CHECKING:
    from hookline.connection import Secret
    from hookline.upstream import UpstreamResponse

SHORTEST = 8
"""Fewest characters of a credential that is looked for: a shorter one is found in anything."""

HIDDEN = b"[hidden]"

_MOST_BYTES_EACH = 16
"""Most bytes that stand for one of a credential, where a piece of a stream may end within it."""


class Scrubber:
    """Hides one credential: as it is, in basic authentication, and as JSON, addresses and HTML write both.

    Args:
        secret: The credential that was sent.
    """

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    @cached_property
    def _forms(self) -> tuple[bytes, ...]:
        value = self._secret.reveal()
        basic = base64.b64encode(value.encode()).decode("ascii").rstrip("=")
        password = value.partition(":")[2]
        forms = {value, quote(value, safe=""), quote_plus(value), quote(value), basic, password}
        found = {form.encode() for form in forms if len(form) >= SHORTEST}
        return tuple(sorted(found, key=len, reverse=True))

    @cached_property
    def _meant_forms(self) -> tuple[bytes, ...]:
        """The forms as they are compared where something is escaped."""
        found = {form for form in map(unescape, self._forms) if len(form) >= SHORTEST}
        return tuple(sorted(found, key=len, reverse=True))

    @cached_property
    def _plain_parts(self) -> tuple[bytes, ...]:
        """A part of each form that stands in every way to write it."""
        return tuple(map(longest_plain_part, self._forms))

    @cached_property
    def _pattern(self) -> re.Pattern[bytes] | None:
        return _any_of(self._forms)

    @cached_property
    def _meant_pattern(self) -> re.Pattern[bytes] | None:
        return _any_of(self._meant_forms)

    def clean(self, content: bytes) -> bytes:
        """Return some bytes without the credential."""
        if self._pattern is None:
            return content
        content = self._pattern.sub(HIDDEN, content)
        if self._meant_pattern is None or not has_escapes(content):
            return content
        if not any(part in content for part in self._plain_parts):
            return content  # unescaping takes half a second for a megabyte that is full of escapes
        return replace_meant(content, self._meant_pattern, HIDDEN)

    def clean_headers(self, headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return headers without the credential."""
        return [
            (name, self.clean(value.encode("latin-1", "replace")).decode("latin-1"))
            for name, value in headers
        ]

    def clean_stream(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield pieces without the credential, also where it was cut in two.

        Nothing is held back but what may be the beginning of it.
        """
        held = b""
        for chunk in chunks:
            data = self.clean(held + chunk)
            kept = self._length_of_beginning(data)
            held = data[len(data) - kept :]
            if len(data) > kept:
                yield data[: len(data) - kept]
        if held:
            yield held

    def _length_of_beginning(self, data: bytes) -> int:
        """Return how many of the last bytes may be the beginning of the credential."""
        if not self._forms:
            return 0
        plain = _length_of_beginning(data, self._forms)
        tail = data[-_MOST_BYTES_EACH * len(self._forms[0]) :]
        if not has_escapes(tail):
            return plain
        begun = length_of_begun(tail)
        known = tail[: len(tail) - begun]
        length = _length_of_beginning(unescape(known), self._meant_forms)
        return max(plain, len(tail) - start_of_last(known, length))


def _any_of(forms: tuple[bytes, ...]) -> re.Pattern[bytes] | None:
    return re.compile(b"|".join(map(re.escape, forms))) if forms else None


def _length_of_beginning(data: bytes, forms: tuple[bytes, ...]) -> int:
    """Return how many of the last bytes are the beginning of one of the forms."""
    longest = min(len(data), max(map(len, forms), default=1) - 1)
    firsts = {form[0] for form in forms}
    for start in range(len(data) - longest, len(data)):
        if data[start] not in firsts:
            continue
        rest = data[start:]
        if any(form.startswith(rest) for form in forms):
            return len(rest)
    return 0


def scrub(response: UpstreamResponse, scrubber: Scrubber) -> None:
    """Take the credential out of an answer that was not read yet."""
    response.headers = scrubber.clean_headers(response.headers)
    response.chunks = scrubber.clean_stream(response.chunks)


def make_refusal(response: UpstreamResponse, content: bytes, scrubber: Scrubber | None) -> ErrorAnswer:
    """Return what a service answered when it refused, without the credential that it was sent.

    Args:
        response: Its status and headers.
        content: Its body.
        scrubber: Hides the credential; None if none was sent.
    """
    if scrubber is None:
        return ErrorAnswer(status=response.status, headers=tuple(response.headers), content=content)
    headers = tuple(scrubber.clean_headers(response.headers))
    return ErrorAnswer(status=response.status, headers=headers, content=scrubber.clean(content))
