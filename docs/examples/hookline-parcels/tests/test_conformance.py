"""What every connector has to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from hookline_parcels import connector
from hookline_parcels.models import PARCEL

from hookline.testing import ConnectorSuite, GatewayUnderTest, ScriptedUpstream

if TYPE_CHECKING:
    from hookline import Action

TRACKING = {"data": [{"line": "08:10 booked\n"}], "status": "booked"}
MESSAGE = {"role": "assistant", "content": "It was booked this morning."}
CHAT = {"id": "c1", "model": "m", "choices": [{"index": 0, "message": MESSAGE, "finish_reason": "stop"}]}


class TestConformance(ConnectorSuite):
    connector = connector
    # What the service itself answers, where an action does not hand it on as it is.
    answers: ClassVar = {
        "list_parcels": {"data": [PARCEL], "next_cursor": None},
        "list_services": {"data": [{"id": "express", "name": "Express", "days": 1}]},
        "follow_parcel": TRACKING,
    }
    streams: ClassVar = {"follow_parcel": [{"line": "08:10 booked\n", "status": "booked"}]}

    def script(self, gateway: GatewayUnderTest, action: Action, upstream: ScriptedUpstream) -> None:
        """Let the model answer, which is a service of another connector."""
        super().script(gateway, action, upstream)
        if not gateway.recipe.is_sandbox:
            upstream.answers("POST", "/chat/completions", json=CHAT)
