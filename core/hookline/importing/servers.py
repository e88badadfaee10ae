"""Where the service is: the base URL of a document, and operations that have one of their own.

Source: OpenAPI 2.0 (``host``, ``basePath``, ``schemes``); OpenAPI 3.1.1, "Server Object".
"""

from __future__ import annotations

import re
from collections import Counter
from urllib.parse import urljoin, urlsplit

from hookline.importing import reasons
from hookline.importing.document import Document, JsonObject, list_of, object_of, text_of

UNKNOWN = "https://address-of-the-service.invalid"
"""Base URL of a document that names none."""

_MAX_URL = 2_000
_VARIABLE = re.compile(r"\{([^{}]{1,200})\}")
_URL = re.compile(r"https?://[^\s?#{}\\@]{1,1500}\Z")


def base_url_of(document: Document, items: list[JsonObject]) -> str:
    """Return the base URL, without a slash at its end.

    Args:
        document: The document.
        items: Its path items, which may have servers of their own.
    """
    if document.version == "2.0":
        found = _old(document)
    else:
        found = first_server(document, document.root.get("servers"))
        if found is None:
            own = Counter(url for item in items if (url := first_server(document, item.get("servers"))))
            found = min(own, key=lambda url: (-own[url], url)) if own else None
        if found is None and document.url is not None:
            parts = urlsplit(document.url)
            found = f"{parts.scheme}://{parts.netloc}"
    if found is None:
        document.findings.add(reasons.NO_SERVER, document.name)
        return UNKNOWN
    return found


def first_server(document: Document, servers: object) -> str | None:
    """Return the first usable address of a list of servers, variables filled with their defaults."""
    for one in list_of(servers)[:50]:
        server = object_of(one)
        variables = object_of(server.get("variables"))
        url = text_of(server.get("url"))[:_MAX_URL]
        for _ in range(3):
            url = _fill(url, variables)
        if "{" in url or not url:
            continue
        if "://" not in url:
            if document.url is None:
                continue
            url = joined(document.url, url)
        if _is_address(url):
            return url.rstrip("/")
    return None


def joined(base: str, url: str) -> str:
    """Return an address against a base; empty if it is none."""
    try:
        return urljoin(base, url)
    except ValueError:  # such as brackets around what is no IPv6 address
        return ""


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return _URL.match(url) is not None and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # as above, or a port above 65535
        return False


def _fill(url: str, variables: JsonObject) -> str:
    return _VARIABLE.sub(lambda match: _default(variables, match[1]), url)[:_MAX_URL]


def _default(variables: JsonObject, name: str) -> str:
    told = object_of(variables.get(name))
    given = told.get("default")
    if given is None and list_of(told.get("enum")):
        given = list_of(told.get("enum"))[0]
    return (
        str(given)[:200] if isinstance(given, (str, int)) and not isinstance(given, bool) else f"{{{name}}}"
    )


def _old(document: Document) -> str | None:
    root = document.root
    host, base = text_of(root.get("host")), text_of(root.get("basePath"))
    schemes = [one for one in list_of(root.get("schemes")) if one in ("http", "https")]
    scheme = "https" if "https" in schemes or not schemes else "http"
    if not host:
        if document.url is None:
            return None
        parts = urlsplit(document.url)
        host, scheme = parts.netloc, scheme if schemes else parts.scheme
    if "://" in host:  # a slip
        scheme, _, host = host.partition("://")
    url = f"{scheme}://{host.strip('/')}/{base.strip('/')}".rstrip("/")
    return url if _is_address(url) else None


def path_below(base_url: str, server: str) -> str | None:
    """Return what an operation's own server adds to the base URL; None if it is another one."""
    if server == base_url:
        return ""
    return server[len(base_url) :] if server.startswith(base_url + "/") else None
