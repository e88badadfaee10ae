"""Gates that are closed while a service wants to be left alone."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hookline_retry.waits import Random

MAX_CLOSED_S = 3600.0
"""No gate is closed for longer at a time, so that a limit which was lifted meanwhile is noticed."""

MOST_GATES = 1000
MOST_MODELS = 5
"""Once the gates of so many models of one connection are closed, the whole connection waits: the limit is the
account's, or the names of models are made up."""

_EVERY_MODEL = "*"
_MOST_CHARACTERS = 200
_DIGITS = 6  # of a second: what lies beyond is noise of floating point, and would make 20 s into 21


class GateKey(NamedTuple):
    """What one gate stands before.

    Attributes:
        connection: Id of the connection.
        model: The model that requests name; empty where they name none.
    """

    connection: str
    model: str


def gate_key(connection: str, body: object) -> GateKey:
    """Return the gate that a request stands before, by its JSON body.

    Services limit each model by itself, so a pause of one says nothing of the others. Model names come from
    callers: what is no text counts as none, and overlong ones are cut.
    """
    model = body.get("model") if isinstance(body, dict) else None
    return GateKey(connection, model[:_MOST_CHARACTERS] if isinstance(model, str) else "")


@dataclass(kw_only=True, slots=True)
class _Gate:
    opens_at_s: float
    spread_s: float
    turns: int = 0


class Gates:
    """The closed gates, safe with threads; every step takes the same short time.

    Only closed gates are remembered, the last 1,000 of them.

    Args:
        random: Where the chance comes from.

    Attributes:
        closed: The gates that were closed, some of which may be open again; to be read only. Nearly always
            there are none, so that nobody has to ask for a turn.
    """

    def __init__(self, *, random: Random) -> None:
        self._random = random
        self._lock = threading.Lock()
        self.closed: OrderedDict[GateKey, _Gate] = OrderedDict()

    def close(self, key: GateKey, wait_s: float, *, spread_s: float, now_s: float) -> bool:
        """Close a gate for so long from now; one that opens later already stays as it is.

        Args:
            key: Which gate.
            wait_s: For how long.
            spread_s: Over how long those who waited are let through once it opens.
            now_s: The present, by a monotonic clock.

        Returns:
            Whether it was open before.
        """
        opens_at_s = now_s + min(wait_s, MAX_CLOSED_S)
        with self._lock:
            gate = self.closed.get(key)
            if gate is not None and gate.opens_at_s > now_s:
                gate.opens_at_s = max(gate.opens_at_s, opens_at_s)
                gate.spread_s = max(gate.spread_s, spread_s)
                return False
            self.closed.pop(key, None)
            self.closed[key] = _Gate(opens_at_s=opens_at_s, spread_s=spread_s)
            if len(self.closed) > MOST_GATES:
                self.closed.popitem(last=False)
            self._close_all(key.connection, spread_s=spread_s, now_s=now_s)
            return True

    def _close_all(self, connection: str, *, spread_s: float, now_s: float) -> None:
        """Let one gate stand for all of a connection once many of its models are closed."""
        closed = [
            key
            for key, gate in self.closed.items()
            if key.connection == connection and gate.opens_at_s > now_s
        ]
        if len(closed) < MOST_MODELS:
            return
        opens_at_s = max(self.closed[key].opens_at_s for key in closed)
        for key in closed:
            del self.closed[key]
        self.closed[GateKey(connection, _EVERY_MODEL)] = _Gate(opens_at_s=opens_at_s, spread_s=spread_s)

    def turn_s(self, key: GateKey, *, now_s: float) -> float:
        """Return the seconds until it is somebody's turn to pass; 0 if the gate is open.

        Whoever asks first may pass as soon as the gate opens. The turns of all others are spread by chance,
        so that they do not arrive all at once.

        Args:
            key: Which gate.
            now_s: The present, by a monotonic clock.
        """
        every_model = GateKey(key.connection, _EVERY_MODEL)
        with self._lock:
            key = every_model if every_model in self.closed else key
            gate = self.closed.get(key)
            if gate is None:
                return 0.0
            closed_s = round(gate.opens_at_s - now_s, _DIGITS)
            if closed_s <= 0:
                del self.closed[key]
                return 0.0
            gate.turns += 1
            return closed_s if gate.turns == 1 else closed_s + gate.spread_s * self._random()
