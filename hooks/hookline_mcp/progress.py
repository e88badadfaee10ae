"""Signs of life of a call that takes a while."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from hookline_mcp.messages import Message

COMMENT = b": keep-alive\n\n"


class Progress:
    """Makes what is sent while a call runs.

    A client that gave a token is told how many seconds it has taken: many wait longer for a tool that is
    heard of. Others get a comment, which they do not see.

    Args:
        message: The request.
    """

    def __init__(self, message: Message) -> None:
        meta = message.params.get("_meta")
        token = meta.get("progressToken") if isinstance(meta, dict) else None
        self._token = token if isinstance(token, (str, int)) and not isinstance(token, bool) else None
        self._began_at = time.monotonic()
        self._last = 0.0

    @property
    def is_wanted(self) -> bool:
        """Whether the client asked for it."""
        return self._token is not None

    def notification(self) -> bytes | None:
        """Return the next notification; None if the client did not ask for any."""
        if self._token is None:
            return None
        self._last = max(round(time.monotonic() - self._began_at, 1), self._last + 0.1)
        params = {
            "progressToken": self._token,
            "progress": round(self._last, 1),
            "message": f"The call has taken {self._last:.0f} s.",
        }
        return orjson.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})

    def beat(self) -> bytes:
        """Return the next piece of a stream of events."""
        content = self.notification()
        return COMMENT if content is None else b"event: message\ndata: " + content + b"\n\n"
