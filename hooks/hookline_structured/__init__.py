"""Structured answers: where JSON was asked for, the parsed value stands beside the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookline import hookimpl

if TYPE_CHECKING:
    from hookline import Call, Response


@hookimpl
def hookline_process_response(call: Call, response: Response) -> None:
    """Fill ``parsed`` of an action's output when the caller asked for JSON."""
    if call.door != "action" or "parsed" not in response.output:
        return
    from hookline_structured.parsing import parse_json_text, wants_json

    text = response.output.get("text")
    if wants_json(call.input) and isinstance(text, str):
        response.output["parsed"] = parse_json_text(text)
