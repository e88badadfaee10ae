"""What is remembered of one call, in the call itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookline import Call
    from hookline_moderation.digests import CheckedTexts

_KEY = "moderation"


@dataclass(kw_only=True, slots=True)
class ModerationState:
    """What was checked already.

    Attributes:
        has_checked_input: Whether the input may pass; it is checked once, however many attempts there are.
        streamed: What was checked of a stream; None where there was none.
    """

    has_checked_input: bool = False
    streamed: CheckedTexts | None = None


def state_of(call: Call) -> ModerationState:
    """Return what is remembered of a call."""
    state = call.state.get(_KEY)
    if not isinstance(state, ModerationState):
        state = call.state[_KEY] = ModerationState()
    return state
