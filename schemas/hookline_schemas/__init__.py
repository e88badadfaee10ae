"""The published contracts: what every bundled action takes and gives, as JSON Schema 2020-12.

One file per action, direction and version, such as ``openai.chat.input.v1.json``::

    from hookline_schemas import load

    schema = load("openai.chat", "input")

- A published version is never edited. A change is the next version, and the older ones stay.
- The highest version is what the action takes and gives today.
- Every file states its dialect in ``$schema`` and its own name in ``$id``, for example
  ``urn:hookline:schema:openai.chat:input:v1``. Nothing refers to another document.
- ``manifest.v1.json`` is the format of connectors without Python: `load_manifest_format` returns it.
- ``PINNED.json`` holds the SHA-256 of every file.

``hookline schemas write`` makes the files from the catalog, ``hookline schemas check`` compares the two.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, cast

__all__ = ["FOLDER", "load", "load_manifest_format", "versions"]

FOLDER = Path(__file__).parent
"""Where the files are."""


def load(action_id: str, direction: Literal["input", "output"], version: int = 1) -> dict[str, object]:
    """Return a published schema.

    Args:
        action_id: Such as ``openai.chat``.
        direction: What the action takes or what it gives.
        version: Which version; `versions` tells which there are.

    Raises:
        LookupError: If it was never published; the message names what was.
    """
    published = versions(action_id, direction)
    if version not in published:
        known = ", ".join(f"v{number}" for number in published) or "no version"
        raise LookupError(f"{action_id} {direction} v{version} was never published; there is {known}.")
    path = FOLDER / f"{action_id}.{direction}.v{version}.json"
    return cast("dict[str, object]", json.loads(path.read_bytes()))


def load_manifest_format(version: int = 1) -> dict[str, object]:
    """Return the published JSON Schema of manifests, which are connectors without Python.

    Args:
        version: Which version.

    Raises:
        LookupError: If it was never published.
    """
    path = FOLDER / f"manifest.v{version}.json"
    if not path.is_file():
        raise LookupError(f"manifest v{version} was never published.")
    return cast("dict[str, object]", json.loads(path.read_bytes()))


def versions(action_id: str, direction: Literal["input", "output"]) -> list[int]:
    """Return the published versions of one direction of an action, oldest first."""
    names = (path.name for path in FOLDER.iterdir())
    start = f"{action_id}.{direction}.v"
    numbers = (name.removeprefix(start).removesuffix(".json") for name in names if name.startswith(start))
    return sorted(int(number) for number in numbers if number.isdecimal())
