"""A plugin in one file that lets everybody in, at no cost worth mentioning."""

from __future__ import annotations

from hookline import Decision, Principal, hookimpl

_CALLER = Principal(key_id="everybody", scopes=frozenset({"actions:run"}))
_YES = Decision(allow=True)


@hookimpl
def hookline_authenticate() -> Principal:
    """Return the same caller."""
    return _CALLER


@hookimpl
def hookline_authorize() -> Decision:
    """Allow."""
    return _YES
