"""Examples made from the catalog: which action to show, and how to call it with curl."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hookline.action import JsonObject


def pick_example(actions: Iterable[JsonObject]) -> JsonObject | None:
    """Return the action that shows most: a chat that streams, else one that streams, else any.

    Args:
        actions: As the catalog describes them, with or without samples.
    """
    ranked = sorted(actions, key=lambda action: (not is_streaming(action), not _is_chat(action)))
    return ranked[0] if ranked else None


def is_streaming(action: JsonObject) -> bool:
    """Tell whether an action can stream."""
    return bool(cast("JsonObject", action["hints"]).get("streams"))


def first_input(action: JsonObject) -> JsonObject:
    """Return the input of an action's first sample; empty if it has none."""
    samples = cast("list[JsonObject]", action.get("samples") or [])
    return dict(cast("JsonObject", samples[0]["input"])) if samples else {}


def curl_for(action: JsonObject, *, url: str, key: str) -> str:
    """Return a command line that runs an action's first sample; ready to copy and paste.

    Args:
        action: As the catalog describes it, samples included.
        url: Base URL of the gateway.
        key: API key, or what stands for it.
    """
    body = json.dumps(first_input(action), ensure_ascii=False)
    return " \\\n  ".join(
        [
            f"curl -sS {shlex.quote(url + str(action['href']))}",
            f"-H {_quoted(f'Authorization: Bearer {key}')}",
            "-H 'Content-Type: application/json'",
            f"-d {_quoted(body)}",
        ]
    )


def indent(text: str) -> str:
    """Return a text moved to the right."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def _is_chat(action: JsonObject) -> bool:
    return str(action["id"]).endswith(".chat")


def _quoted(text: str) -> str:
    quoted = shlex.quote(text)
    return quoted if quoted.startswith("'") else f"'{quoted}'"
