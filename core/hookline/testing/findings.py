"""What a conformance suite finds, in words that say what to do."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import quote

if TYPE_CHECKING:
    from hookline.action import JsonObject

_MAX_SHOWN = 10


def fail(what: str, todo: str) -> NoReturn:
    """Fail a test with a finding, without a traceback: it would show the suite and not the plugin.

    Args:
        what: What was found, in which action or hook.
        todo: What to do.
    """
    import pytest  # here, because what is found is asked for without it too

    pytest.fail(f"{what}\n→ {todo}", pytrace=False)


def fail_if(problems: Sequence[str], todo: str) -> None:
    """Fail a test if there are findings, all in one message."""
    if problems:
        more = len(problems) - _MAX_SHOWN
        shown = [*problems[:_MAX_SHOWN], *([f"… and {more} more"] if more > 0 else [])]
        fail("\n".join(shown), todo)


def forms_of(secret: str) -> set[str]:
    """Return how a secret may look where it should not be: as it is, in base64, quoted."""
    parts = {secret, *secret.split(":")}
    coded = {base64.b64encode(part.encode()).decode().rstrip("=") for part in parts}
    return {form for form in (*parts, *coded, *(quote(part, safe="") for part in parts)) if len(form) >= 6}


def leaks(text: str, secret: str) -> bool:
    """Tell whether a text holds a secret in any of its forms."""
    return any(form in text for form in forms_of(secret))


def fields_of(schema: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    """Yield path and schema of every field that a schema describes, those of its objects and lists included.

    Each definition is looked at once; what comes from elsewhere than this document is left out.
    """
    yield from _walk(schema, schema, "", set())


def _walk(node: object, root: JsonObject, path: str, seen: set[str]) -> Iterator[tuple[str, JsonObject]]:
    if not isinstance(node, dict):
        return
    reference = node.get("$ref")
    if isinstance(reference, str):
        if reference in seen or not reference.startswith("#/"):
            return
        seen.add(reference)
        yield from _walk(look_up(root, reference), root, path, seen)
    properties = node.get("properties")
    for name, member in (properties if isinstance(properties, dict) else {}).items():
        where = f"{path}.{name}" if path else str(name)
        if isinstance(member, dict):
            yield where, member
            yield from _walk(member, root, where, seen)
    yield from _walk(node.get("items"), root, f"{path}[]", seen)
    for keyword in ("allOf", "anyOf", "oneOf"):
        parts = node.get(keyword)
        for part in parts if isinstance(parts, list) else []:
            yield from _walk(part, root, path, seen)


def look_up(root: JsonObject, reference: str) -> object:
    """Return what a reference within a document leads to; None if it leads nowhere."""
    found: object = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, dict) else None
    return found


def references_of(node: object) -> Iterator[str]:
    """Yield every reference in a schema."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            if name in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from references_of(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            yield from references_of(value)


def schema_problems(value: object, schema: JsonObject) -> list[str]:
    """Return where a value does not fit a schema, in words."""
    import jsonschema
    from referencing import Registry

    checker = jsonschema.Draft202012Validator(schema, registry=Registry())
    return [
        f"`{'.'.join(map(str, problem.absolute_path)) or 'the whole'}`: {problem.message[:200]}"
        for problem in sorted(checker.iter_errors(value), key=str)
    ]
