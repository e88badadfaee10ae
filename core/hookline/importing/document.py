"""An OpenAPI document: which version it is, and where its references lead."""

from __future__ import annotations

import re
from typing import Literal, cast
from urllib.parse import unquote

from hookline.errors import ConfigurationError
from hookline.importing import reasons
from hookline.importing.findings import Findings, LeftOutError

JsonObject = dict[str, object]
Version = Literal["2.0", "3.0", "3.1"]
"""The dialect; 3.2 is read as 3.1, whose schemas it shares."""

MAX_HOPS = 32
"""Most references in a row."""

_VERSION_3 = re.compile(r"3\.([0-9]+)(\.[0-9]+)?\S{0,20}\Z")


class Document:
    """A document that is read, never run, and that leads nowhere else.

    Args:
        root: Its value.
        name: What it is called, for messages.
        url: Its address; None if it is a file.

    Raises:
        ConfigurationError: If it is no OpenAPI document; says what it seems to be.
    """

    def __init__(self, root: object, *, name: str, url: str | None = None) -> None:
        if not isinstance(root, dict):
            raise ConfigurationError(f"{name} is no OpenAPI document: it is no object.")
        self.root = cast("JsonObject", root)
        self.name = name
        self.url = url
        self.findings = Findings()
        self.version: Version = _version_of(self.root, name)
        self._found: dict[str, object] = {}

    def at(self, pointer: str) -> object:
        """Return the value at a JSON pointer that begins with ``#``.

        Raises:
            KeyError: If there is none.
        """
        if pointer not in self._found:
            self._found[pointer] = self._look_up(pointer)
        return self._found[pointer]

    def _look_up(self, pointer: str) -> object:
        if pointer in ("#", "#/"):
            return self.root
        if not pointer.startswith("#/"):
            raise KeyError(pointer)
        target: object = self.root
        for part in pointer[2:].split("/"):
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(target, dict):
                target = target[name]
            elif isinstance(target, list) and name.isascii() and name.isdigit() and len(name) < 10:
                target = target[int(name)] if int(name) < len(target) else _missing(pointer)
            else:
                raise KeyError(pointer)
        return target

    def follow(self, value: object) -> JsonObject:
        """Return an object, with the references followed that stand in its place.

        Raises:
            LeftOutError: If it is none, or a reference leads out of the document, nowhere, or in a circle.
        """
        for _ in range(MAX_HOPS):
            if not isinstance(value, dict):
                raise LeftOutError(reasons.NO_OBJECT)
            reference = value.get("$ref")
            if not isinstance(reference, str):
                return cast("JsonObject", value)
            if not reference.startswith("#"):
                raise LeftOutError(reasons.REMOTE_ITEM, reference)
            try:
                value = self.at(reference)
            except KeyError:
                raise LeftOutError(reasons.LOST_ITEM, reference) from None
        raise LeftOutError(reasons.LOST_ITEM, str(reference))

    @property
    def title(self) -> str:
        """Title of the API; empty if it has none."""
        return text_of(object_of(self.root.get("info")).get("title"))


def _missing(pointer: str) -> object:
    raise KeyError(pointer)


def _version_of(root: JsonObject, name: str) -> Version:
    swagger, openapi = root.get("swagger"), root.get("openapi")
    if openapi is not None:
        text = str(openapi)
        found = _VERSION_3.match(text)
        if found is not None:
            return "3.0" if found[1] == "0" else "3.1"
        raise ConfigurationError(f"{name} is OpenAPI {text[:40]!r}; 2.0, 3.0, 3.1 and 3.2 are read.")
    if swagger is not None:
        if str(swagger) in ("2", "2.0"):
            return "2.0"
        raise ConfigurationError(f"{name} is Swagger {str(swagger)[:40]!r}; of Swagger only 2.0 is read.")
    others = {
        "asyncapi": "AsyncAPI",
        "swaggerVersion": "Swagger 1",
        "arazzo": "Arazzo",
        "manifest": "a manifest already",
        "discoveryVersion": "a Google API discovery document",
    }
    for key, told in others.items():
        if key in root:
            raise ConfigurationError(
                f"{name} is {told}, and not OpenAPI. Name an OpenAPI document, 2.0 to 3.2."
            )
    raise ConfigurationError(
        f"{name} is no OpenAPI document: it has neither `openapi` nor `swagger` at its top."
    )


def object_of(value: object) -> JsonObject:
    """Return an object as it is, and anything else as an empty one."""
    return cast("JsonObject", value) if isinstance(value, dict) else {}


def list_of(value: object) -> list[object]:
    """Return a list as it is, and anything else as an empty one."""
    return cast("list[object]", value) if isinstance(value, list) else []


def text_of(value: object) -> str:
    """Return a text without space around it; empty for anything else."""
    return value.strip() if isinstance(value, str) else ""
