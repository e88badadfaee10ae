"""One call: an execution of an action by a principal, from arrival to answer."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hookline.connection import Connection
    from hookline.connector import Action
    from hookline.principal import Principal

Door = Literal["action", "wire"]
"""``action``: ``POST /actions/{id}``. ``wire``: the service's own format."""


def new_call_id() -> str:
    """Return a random id such as ``call_5f2b...``, safe in headers and logs."""
    return "call_" + secrets.token_hex(12)


class Cancellation:
    """Tells whoever works on a call that nobody waits for it any more."""

    __slots__ = ("_callbacks", "_cancelled", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []
        self._cancelled = False

    @property
    def is_cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._cancelled

    def add(self, callback: Callable[[], None]) -> None:
        """Run ``callback`` on cancellation; at once if that has happened already."""
        with self._lock:
            if not self._cancelled:
                self._callbacks.append(callback)
                return
        callback()

    def discard(self, callback: Callable[[], None]) -> None:
        """Forget a callback; unknown ones are ignored."""
        with self._lock:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

    def cancel(self) -> None:
        """Cancel once; later calls do nothing."""
        with self._lock:
            if self._cancelled:
                return
            self._cancelled = True
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One execution of one action. Read-only for plugins, and holds no secret.

    Attributes:
        id: Random id, also sent back as ``x-hookline-call-id``.
        action: What runs.
        principal: Who asked.
        connection: Which upstream account is used.
        door: Through which door it came.
        input: The action's input, after validation; on the wire door the body as it was sent.
        headers: The caller's headers by lower-case name, without credentials.
        is_stream: Whether the caller asked for a stream.
        deadline: Value of `time.monotonic` at which the call must be over.
        cancellation: Set when the caller has left.
        state: Room for plugins to keep something between hooks; use your plugin's name as key.
    """

    id: str = field(default_factory=new_call_id)
    action: Action
    principal: Principal
    connection: Connection
    door: Door = "action"
    input: dict[str, object] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_stream: bool = False
    deadline: float
    cancellation: Cancellation = field(default_factory=Cancellation, repr=False)
    state: dict[str, object] = field(default_factory=dict, repr=False)

    def remaining_s(self) -> float:
        """Return the seconds until the deadline; zero or less when it has passed."""
        return self.deadline - time.monotonic()
