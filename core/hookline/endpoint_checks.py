"""What no connector may declare, told when it is declared: who, which argument, and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NoReturn

from hookline.credential import CredentialPlacement, QueryCredential
from hookline.encodings import ENCODINGS
from hookline.errors import ConfigurationError
from hookline.filling import PLACEHOLDER
from hookline.places import LIST_STYLES, PLACE_KINDS, InPlace, Place, PlaceKind

if TYPE_CHECKING:
    from hookline.credential import Credential
    from hookline.schema_fields import SchemaFields

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
BODILESS_METHODS = frozenset({"GET", "HEAD"})

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")

RESERVED_HEADERS = frozenset(
    {
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-hookline-hops",
    }
)
"""Headers that say where a message goes or ends, who sends it, or what it went through."""

_PATH_TEXT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*\Z")
_DOTS = re.compile(r"(?:\.|%2e){1,2}\Z", re.IGNORECASE)


def refuse(where: str, argument: str, problem: str) -> NoReturn:
    """Refuse an argument.

    Args:
        where: The connector or action.
        argument: Name of the argument.
        problem: What is wrong with it, and what to do.

    Raises:
        ConfigurationError: Always.
    """
    raise ConfigurationError(f"{where}: `{argument}`: {problem}")


def check_method(method: object, *, where: str) -> str:
    """Return a method in capital letters.

    Raises:
        ConfigurationError: If it is none that can be sent.
    """
    if not isinstance(method, str) or method.upper() not in METHODS:
        refuse(where, "method", f"{method!r} is none of {', '.join(METHODS)}.")
    return method.upper()


def check_path(path: object, *, where: str) -> list[str]:
    """Return the names of a path's placeholders.

    Raises:
        ConfigurationError: If the path would lead anywhere else than below the base URL.
    """
    if not isinstance(path, str) or not path.startswith("/"):
        refuse(where, "path", f"{path!r} must begin with a slash; it is appended to the base URL.")
    names = PLACEHOLDER.findall(path)
    plain = PLACEHOLDER.sub("x", path)
    if "{" in plain or "}" in plain:
        refuse(where, "path", f"{path!r} has a brace without its pair, or with nothing inside.")
    if "?" in plain or "#" in plain:
        refuse(where, "path", f"{path!r} holds a query or a fragment; put fixed values into `defaults`.")
    if not _PATH_TEXT.match(plain):
        refuse(where, "path", f"{path!r} holds a character that is to be percent-encoded.")
    if any(_DOTS.match(segment) for segment in plain.split("/")):
        refuse(where, "path", f"{path!r} must not lead upwards: no segment is `.` or `..`.")
    twice = _first_double(names)
    if twice is not None:
        refuse(where, "path", f"{path!r} has the placeholder {{{twice}}} twice.")
    return names


def check_header_name(name: object, *, where: str, argument: str, taken: str | None = None) -> str:
    """Return the name of a header in lower case.

    Raises:
        ConfigurationError: If it is none, or one that connectors may not set.
    """
    if not isinstance(name, str) or not HEADER_NAME.match(name):
        refuse(where, argument, f"{name!r} is no name of a header.")
    if name.lower() in RESERVED_HEADERS or name.lower() == taken:
        refuse(where, argument, f"the header {name!r} is set by the gateway itself.")
    return name.lower()


def check_headers(
    names: Iterable[str], *, where: str, argument: str, credential: Credential | None
) -> tuple[str, ...]:
    """Return the names of headers that are passed on to the service, in lower case.

    Raises:
        ConfigurationError: If one is no header, may not be passed on, or is named twice.
    """
    taken = credential.header if isinstance(credential, CredentialPlacement) else None
    found = tuple(check_header_name(name, where=where, argument=argument, taken=taken) for name in names)
    return _once(found, where=where, argument=argument)


def check_returned(names: Iterable[str], *, where: str) -> tuple[str, ...]:
    """Return the names of headers that are passed back to callers, in lower case; ``x-limit-*`` is one too.

    Raises:
        ConfigurationError: If one is no header, or is named twice.
    """
    found = []
    for name in names:
        if not isinstance(name, str) or not HEADER_NAME.match(name.removesuffix("*") or "x"):
            refuse(where, "return_headers", f"{name!r} is no name of a header.")
        found.append(name.lower())
    return _once(tuple(found), where=where, argument="return_headers")


def _once(names: tuple[str, ...], *, where: str, argument: str) -> tuple[str, ...]:
    twice = _first_double(names)
    if twice is not None:
        refuse(where, argument, f"{twice!r} is named twice.")
    return names


def check_choice(value: object, choices: Iterable[str], *, where: str, argument: str) -> None:
    """Refuse what is none of some words.

    Raises:
        ConfigurationError: If it is none.
    """
    if value not in tuple(choices):
        refuse(where, argument, f"{value!r} is none of {', '.join(choices)}.")


def check_places(
    places: Mapping[str, Place],
    *,
    where: str,
    placeholders: list[str],
    fields: SchemaFields,
    defaults: Mapping[str, object],
    method: str,
    rest: PlaceKind,
    credential: Credential | None,
) -> dict[str, InPlace]:
    """Return where each field goes that does not go to the rest, placeholders of the path among them.

    Raises:
        ConfigurationError: If a field does not exist, two are in one place, or one is where it cannot be.
    """
    found: dict[str, InPlace] = {}
    taken_header = credential.header if isinstance(credential, CredentialPlacement) else None
    taken_query = credential.parameter if isinstance(credential, QueryCredential) else None
    for name, place in places.items():
        argument = f"places[{name!r}]"
        found[name] = one = _as_place(place, where=where, argument=argument)
        if not (fields.may_have(name) or name in defaults):
            refuse(where, argument, f"the input has no field {name!r}; it has {_listed(fields.schemas)}.")
        there = one.name or name
        if one.where == "header":
            check_header_name(there, where=where, argument=argument, taken=taken_header)
        elif one.where == "cookie" and not HEADER_NAME.match(there):
            refuse(where, argument, f"{there!r} is no name of a cookie.")
        elif one.where == "path" and there not in placeholders:
            refuse(where, argument, f"the path has no placeholder {{{there}}}.")
        elif one.where == "query" and there == taken_query:
            refuse(where, argument, f"{there!r} is where the credential goes.")
        elif one.where in ("body", "content") and method in BODILESS_METHODS:
            refuse(where, argument, f"a {method} request has no body.")
    filled = {one.name or name for name, one in found.items() if one.where == "path"}
    for name in placeholders:
        if name in filled:
            continue
        if name in found:
            refuse(where, f"places[{name!r}]", f"the path has a placeholder {{{name}}}, so it goes there.")
        if not (fields.may_have(name) or name in defaults):
            has = _listed(fields.schemas)
            refuse(where, "path", f"the placeholder {{{name}}} is no field of the input; it has {has}.")
        found[name] = InPlace(where="path")
    _check_room(found, fields, defaults, where=where, rest=rest)
    in_query = {*fields.schemas, *defaults} - found.keys() if rest == "query" else set()
    if taken_query in in_query:
        refuse(where, "places", f"the query's {taken_query!r} is where the credential goes.")
    return found


def _as_place(place: Place, *, where: str, argument: str) -> InPlace:
    one = place if isinstance(place, InPlace) else InPlace(where=place)
    check_choice(one.where, PLACE_KINDS, where=where, argument=argument)
    check_choice(one.style, LIST_STYLES, where=where, argument=argument)
    if one.name is not None and (not isinstance(one.name, str) or not one.name):
        refuse(where, argument, f"{one.name!r} is no name.")
    return one


def _check_room(
    places: Mapping[str, InPlace],
    fields: SchemaFields,
    defaults: Mapping[str, object],
    *,
    where: str,
    rest: PlaceKind,
) -> None:
    """Refuse two fields in one place, and a field that is the whole body beside others in it."""
    taken: dict[tuple[str, str], str] = {}
    contents = [name for name, one in places.items() if one.where == "content"]
    for name in dict.fromkeys([*places, *fields.schemas, *defaults]):
        one = places.get(name)
        kind = rest if one is None else one.where
        there = name if one is None else one.name or name
        key = (kind, there.lower() if kind == "header" else there)
        if kind != "content" and taken.setdefault(key, name) != name:
            refuse(where, "places", f"{taken[key]!r} and {name!r} both go to {kind} {there!r}.")
        if contents and kind == "body":
            refuse(
                where,
                "places",
                f"{contents[0]!r} is the whole body, so {name!r} cannot be in it; say where else it goes.",
            )
    if len(contents) > 1:
        refuse(where, "places", f"{contents[0]!r} and {contents[1]!r} are both the whole body.")


def check_encoding(encoding: object, *, where: str) -> None:
    """Refuse what is no encoding.

    Raises:
        ConfigurationError: If it is none.
    """
    check_choice(encoding, ENCODINGS, where=where, argument="encoding")


def _first_double(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def _listed(names: Iterable[str]) -> str:
    shown = [f"{name!r}" for name in list(names)[:12]]
    return ", ".join(shown) or "none"
