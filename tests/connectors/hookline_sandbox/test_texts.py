"""What the simulation says to a conversation in which it was interrupted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hookline_sandbox.texts import answer_text

if TYPE_CHECKING:
    from hookline_sandbox.wire import JsonObject

ASKED: JsonObject = {"role": "user", "content": "ping"}
GO_ON: JsonObject = {"role": "user", "content": "Go on."}
WHOLE = "Simulated answer to: ping"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Simulated", " answer to: ping"),
        ("Simulated answer to: pi", "ng"),
        (WHOLE, "Simulated answer to: Go on."),
        ("Something else", "Simulated answer to: Go on."),
        ("", "Simulated answer to: Go on."),
    ],
)
def test_it_goes_on_where_it_was_interrupted_and_else_answers_anew(said: str, expected: str) -> None:
    messages: list[JsonObject] = [ASKED, {"role": "assistant", "content": said}, GO_ON]
    assert answer_text(messages, index=0) == expected
