"""What a conformance suite finds, in words that say what to do."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn
from urllib.parse import quote

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
