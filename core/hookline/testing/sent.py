"""What was sent to a scripted service, ready to be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import orjson


@dataclass(frozen=True, kw_only=True)
class SentRequest:
    """One request as the service got it: shaped and signed.

    Attributes:
        method: HTTP method.
        url: Absolute URL.
        base_url: Base URL of the connection that it went to.
        headers: Values by lower-case name.
        content: The body; empty if there is none.
    """

    method: str
    url: str
    base_url: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        from hookline.connection import origin_of

        return origin_of(self.url)

    @property
    def path(self) -> str:
        """Path below the connection's base URL, still quoted, without the query."""
        return self.target.partition("?")[0].partition("#")[0]

    @property
    def target(self) -> str:
        """Path below the connection's base URL, with the query."""
        return self.url.removeprefix(self.base_url) if self.base_url else _path_and_query(self.url)

    @property
    def query(self) -> dict[str, list[str]]:
        """Values of the query by name."""
        return parse_qs(urlsplit(self.url).query, keep_blank_values=True)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    @property
    def json(self) -> object:
        """The body as JSON.

        Raises:
            AssertionError: If it is none.
        """
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            raise AssertionError(
                f"The body of {self} is not JSON: {self.content[:200]!r}. "
                "Look at `.form`, `.text` or `.content`."
            ) from None

    @property
    def form(self) -> dict[str, list[str]]:
        """The body as the fields of a form, ``application/x-www-form-urlencoded``."""
        return parse_qs(self.text, keep_blank_values=True)

    def __str__(self) -> str:
        return f"{self.method} {self.target}"


def _path_and_query(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
