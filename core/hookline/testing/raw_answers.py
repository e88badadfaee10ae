"""What a service must answer for an action to have a given output."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING

from hookline.filling import hand_on
from hookline.testing.script import ScriptedAnswer, make_answer

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject


def answer_that_gives(action: Action, output: JsonObject) -> ScriptedAnswer:
    """Return the answer of a service whose JSON an action hands on, or reads as text, bytes or nothing.

    An action that picks or reshapes needs the service's own JSON: ``answers`` of its suite. One of a manifest
    gets along without, because there is no code of its own to be tried.
    """
    kind = action.answers
    if kind == "json" and action.connector.guard is not None and action.present is not hand_on:
        return replace(make_answer(json=output), is_output=True)
    if kind == "text":
        return make_answer(text=str(output.get("text", "")))
    if kind == "binary":
        content = base64.b64decode(str(output.get("content", "")) + "==", validate=False)
        media_type = str(output.get("media_type") or "application/octet-stream")
        return make_answer(content=content or b"\x00", headers={"content-type": media_type})
    if kind == "nothing":
        return make_answer(status=204)
    return make_answer(json={name: value for name, value in output.items() if name != "warnings"})
