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

from hookline.upstream import ErrorAnswer

if TYPE_CHECKING:
    from hookline.connection import Secret
    from hookline.upstream import UpstreamResponse

SHORTEST = 8
"""Fewest characters of a credential that is looked for: a shorter one is found in anything."""

HIDDEN = b"[hidden]"


class Scrubber:
    """Hides one credential, as it is, as it stands in an address, and as it stands in basic authentication.

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
    def _pattern(self) -> re.Pattern[bytes] | None:
        return re.compile(b"|".join(map(re.escape, self._forms))) if self._forms else None

    def clean(self, content: bytes) -> bytes:
        """Return some bytes without the credential."""
        return content if self._pattern is None else self._pattern.sub(HIDDEN, content)

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
        longest = min(len(data), max(map(len, self._forms), default=1) - 1)
        tail = data[len(data) - longest :]
        for start in range(len(tail)):
            rest = tail[start:]
            if any(form.startswith(rest) for form in self._forms):
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
