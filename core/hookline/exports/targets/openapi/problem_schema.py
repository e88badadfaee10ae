"""The body that every error has, as a schema for those who import a description of the gateway."""

from __future__ import annotations

from hookline.errors import ExportRefusedError
from hookline.problems import known_errors


def _text(description: str) -> dict[str, object]:
    return {"type": "string", "description": description}


PROBLEM_SCHEMA: dict[str, object] = {
    "type": "object",
    "title": "Problem",
    "description": "What went wrong, and what to do: RFC 9457 with members that low-code tools read.",
    "properties": {
        "type": _text("Address of a page about this kind of problem."),
        "title": _text("What kind of problem it is."),
        "status": {"type": "integer", "description": "HTTP status."},
        "detail": _text("What happened, and to which thing."),
        "instance": _text("Id of the call; the gateway's log has the same."),
        "message": _text("What happened and what to do, in one text to show."),
        "error": {
            "type": "object",
            "description": "The same in the shape that OpenAI's tools read.",
            "properties": {
                "message": _text("The same as message."),
                "type": _text("Group of the problem."),
                "code": _text("Machine-readable reason."),
                "param": {"type": ["string", "null"], "description": "The field at fault."},
            },
            "required": ["message", "type", "code", "param"],
        },
        "field": {"type": ["string", "null"], "description": "The field at fault."},
        "retryable": {"type": "boolean", "description": "Whether the same call may succeed later."},
        "retry_after": {"type": ["integer", "null"], "description": "Seconds to wait before that."},
        "hint": _text("What to do next."),
        "upstream": {
            "type": ["object", "null"],
            "description": "What the service said, if it was asked.",
            "properties": {
                "status": {"type": ["integer", "null"], "description": "Its HTTP status."},
                "request_id": {"type": ["string", "null"], "description": "Its own id of the request."},
                "code": {"type": ["string", "null"], "description": "Its machine-readable reason."},
            },
        },
    },
    "required": [
        "type",
        "title",
        "status",
        "detail",
        "instance",
        "message",
        "error",
        "field",
        "retryable",
        "retry_after",
        "hint",
        "upstream",
    ],
}
"""Errors may have more members, such as the ``problems`` of several fields."""


def statuses() -> dict[int, str]:
    """Return what each status of an error of a call means, in words for builders."""
    meanings: dict[int, list[str]] = {}
    for error in known_errors():
        if error.status >= 400 and "status" in vars(error) and error is not ExportRefusedError:
            meanings.setdefault(error.status, []).append(error.title)
    return {status: "; or: ".join(dict.fromkeys(titles)) + "." for status, titles in sorted(meanings.items())}
