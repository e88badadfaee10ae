"""What is asked of an export: which actions, and for which address of the gateway."""

from __future__ import annotations

import difflib
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hookline.errors import InvalidInputError, NotFoundError
from hookline.principal import ANYTHING, matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookline.exports.target import ExportTarget
    from hookline.gateway import Gateway
    from hookline.principal import Principal

_MAX_PATTERNS = 100
_SHOWN_PATTERNS = 5
_MAX_LENGTH = 500
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[^\W_]([\w-]*\w)?(\.\w([\w-]*\w)?)*\.?")
_PATH = re.compile(r"(/[^\s?#\"'<>\\{}]*)?")
_LOCAL_ENDINGS = ("localhost", ".localhost", ".local", ".internal", ".lan", ".home.arpa")


def find_target(gateway: Gateway, name: str) -> ExportTarget:
    """Return a target by its name.

    Raises:
        NotFoundError: If there is none; names the nearest.
    """
    found = gateway.export_targets.get(name)
    if found is None:
        near = difflib.get_close_matches(name[:80], gateway.export_targets, n=1)
        raise NotFoundError(
            f"There is no export {name[:80]!r}." + (f" Did you mean {near[0]!r}?" if near else ""),
            code="unknown_export",
            hint="`GET /exports` lists them.",
        )
    return found


def read_patterns(text: str | None) -> tuple[str, ...]:
    """Return the patterns of actions in a list such as ``openai.chat,acme.*``; all if there is none.

    Raises:
        InvalidInputError: If there are too many.
    """
    patterns = tuple(part.strip() for part in (text or "").split(",") if part.strip())
    if len(patterns) > _MAX_PATTERNS:
        raise InvalidInputError(f"`actions` names more than {_MAX_PATTERNS} patterns.", field="actions")
    return patterns or ANYTHING


def pick_wanted(
    gateway: Gateway, patterns: Sequence[str], *, principal: Principal | None = None
) -> tuple[str, ...]:
    """Return the ids of the actions that are wanted; each pattern must match one.

    Args:
        gateway: The gateway.
        patterns: Ids; a final ``*`` matches any rest.
        principal: Whose rights count; nobody's if not given.

    Raises:
        InvalidInputError: If a pattern matches none; says which, and what it may have meant.
        NotFoundError: If there is no action at all.
    """
    from hookline.exports.blueprints import pick_actions

    ids = pick_actions(gateway, principal=principal)
    if not ids:
        raise NotFoundError("There is no action to export.", hint="`GET /me` says what this key may run.")
    lost = [one for one in dict.fromkeys(patterns) if not any(matches((one,), id) for id in ids)]
    if lost:
        connectors = dict.fromkeys(f"{id.partition('.')[0]}.*" for id in ids)
        near = difflib.get_close_matches(lost[0][:80], [*ids, *connectors], n=1)
        named = ", ".join(f"`{one[:80]}`" for one in lost[:_SHOWN_PATTERNS])
        more = f" and {len(lost) - _SHOWN_PATTERNS} more" if len(lost) > _SHOWN_PATTERNS else ""
        raise InvalidInputError(
            f"No action matches {named}{more}." + (f" Did you mean `{near[0]}`?" if near else ""),
            field="actions",
            hint="`GET /actions` lists the actions; `openai.*` stands for all of one connector.",
        )
    return tuple(id for id in ids if matches(patterns, id))


def check_server_url(url: str) -> str:
    """Return an address of a gateway as it stands in exports, without a ``/`` at its end.

    Raises:
        InvalidInputError: If it is none; says what is wrong with it.
    """
    fault = _fault_of(url)
    if fault:
        raise InvalidInputError(
            f"`server` must be an address such as https://hooks.example.com; {fault}.",
            field="server",
            hint="Name the address at which the platform reaches this gateway.",
        )
    scheme, _, rest = url.partition("://")
    return f"{scheme.lower()}://{rest}".rstrip("/")


def is_public_address(url: str) -> bool:
    """Tell whether a platform on the internet can reach an address, as far as its text shows."""
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme != "https":
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_LOCAL_ENDINGS)


def _fault_of(url: str) -> str:
    """Return what is wrong with an address, without repeating it: it may hold a password."""
    if len(url) > _MAX_LENGTH:
        return f"this one is longer than {_MAX_LENGTH} characters"
    if not url.isprintable() or " " in url:
        return "this one holds spaces or control characters"
    if "{" in url or "}" in url:
        return "this one holds braces: a variable of the platform is not replaced here"
    scheme, found, rest = url.partition("://")
    if not found or scheme.lower() not in ("http", "https"):
        return "this one does not begin with https:// or http://"
    for mark, thing in (("?", "a query"), ("#", "a fragment")):
        if mark in rest:
            return f"this one holds {thing}, which starts at `{mark}`"
    netloc, slash, path = rest.partition("/")
    if "@" in netloc:
        return "this one holds a user name or password"
    return _fault_of_host(netloc) or (
        "" if _PATH.fullmatch(slash + path) else "its path holds quotes or such"
    )


def _fault_of_host(netloc: str) -> str:
    try:
        parts = urlsplit(f"//{netloc}")
        port = parts.port
    except ValueError:
        return "its port or its host is not valid"
    if port == 0 or netloc.endswith(":"):
        return "its port is not valid"
    host = netloc if port is None else netloc.rpartition(":")[0]
    return "" if _HOST.fullmatch(host) else "its host is not valid"
