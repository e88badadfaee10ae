"""Prompts and connectors of any size."""

from __future__ import annotations

from tests.benchmarks.work import action_body, wire_body

_SENTENCE = "The gateway counts what it is sent, and hands it on. "


def wire_prompt(size: int) -> bytes:
    """Return a chat in OpenAI's own format whose prompt has a number of bytes."""
    return wire_body(model="unlisted", messages=[{"role": "user", "content": _text(size)}])


def action_prompt(size: int) -> bytes:
    """Return the same as the input of the action."""
    return action_body(model="unlisted", prompt=_text(size))


def _text(size: int) -> str:
    return (_SENTENCE * (size // len(_SENTENCE) + 1))[:size]


def manifest(actions: int) -> dict[str, object]:
    """Return a connector with a number of actions that are alike."""
    fields = {"number": {"type": "integer", "title": "Number"}, "name": {"title": "Name", "required": True}}
    return {
        "manifest": 1,
        "id": "large",
        "title": "Large",
        "description": "A service with many actions.",
        "base_url": "https://large.example.com",
        "actions": {
            f"do_{number}": {
                "title": f"Do {number}",
                "description": f"Does number {number}.",
                "method": "POST",
                "path": f"/things/{number}",
                "input": {"fields": fields},
                "output": {"fields": {"id": {"title": "Id"}, "model": {"title": "Model"}}},
            }
            for number in range(actions)
        },
    }
