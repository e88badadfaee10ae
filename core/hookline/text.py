"""Putting sentences together."""

from __future__ import annotations


def join_sentences(*texts: str) -> str:
    """Return texts one after another, each ended by a full stop if it has no end of its own."""
    ended = [text if text.endswith((".", "!", "?", "…")) else f"{text}." for text in texts if text]
    return " ".join(ended)
