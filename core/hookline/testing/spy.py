"""A plugin that counts which hooks run for which call, and changes nothing."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from hookline.hookspecs import hookimpl
from hookline.metering import Reservation

if TYPE_CHECKING:
    from hookline.attempt import Attempt
    from hookline.call import Call
    from hookline.connection import Connection, Secret
    from hookline.errors import HooklineError
    from hookline.upstream import Response, UpstreamRequest
    from hookline.usage import Usage

ONCE = ("hookline_authorize", "hookline_admit", "hookline_settle", "hookline_record_usage")
"""What runs exactly once for every call that is carried out, however it ends."""


class HookSpy:
    """Counts hooks. Put it among the plugins of a test: `pytest.mark.hookline(plugins=[spy])`.

    Attributes:
        calls: Every call from outside that was opened, in order.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, Counter[str]] = {}
        self.calls: list[Call] = []

    def counts_of(self, call: Call) -> Counter[str]:
        """Return how often each hook ran for a call, by the hook's name."""
        with self._lock:
            return Counter(self._counts.get(call.id, {}))

    def forget(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._counts.clear()
            self.calls.clear()

    def _note(self, hook: str, call: Call) -> None:
        with self._lock:
            if call.id not in self._counts:
                self._counts[call.id] = Counter()
                if call.parent is None:
                    self.calls.append(call)
            self._counts[call.id][hook] += 1

    @hookimpl(tryfirst=True)
    def hookline_authorize(self, call: Call) -> None:
        """Count, and leave the decision to others."""
        self._note("hookline_authorize", call)

    @hookimpl(tryfirst=True)
    def hookline_shape_request(self, call: Call) -> None:
        """Count."""
        self._note("hookline_shape_request", call)

    @hookimpl(tryfirst=True)
    def hookline_admit(self, call: Call) -> Reservation:
        """Count, and set something aside so that it is settled."""
        self._note("hookline_admit", call)
        return Reservation()

    @hookimpl(tryfirst=True)
    def hookline_resolve_credential(self, call: Call, connection: Connection) -> Secret | None:
        """Count, and leave the credential to others."""
        self._note("hookline_resolve_credential", call)
        return None

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> None:
        """Count, and leave the request to others."""
        self._note("hookline_execute", call)

    @hookimpl(tryfirst=True)
    def hookline_retry(self, call: Call, attempt: Attempt) -> None:
        """Count, and leave the decision to others."""
        self._note("hookline_retry", call)

    @hookimpl(tryfirst=True)
    def hookline_open_stream(self, call: Call) -> None:
        """Count."""
        self._note("hookline_open_stream", call)

    @hookimpl(tryfirst=True)
    def hookline_process_response(self, call: Call, response: Response) -> None:
        """Count."""
        self._note("hookline_process_response", call)

    @hookimpl
    def hookline_settle(self, call: Call, reservation: Reservation, usage: Usage | None) -> None:
        """Count."""
        self._note("hookline_settle", call)

    @hookimpl
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        """Count."""
        self._note("hookline_record_usage", call)

    @hookimpl(tryfirst=True)
    def hookline_map_error(self, call: Call, error: HooklineError) -> None:
        """Count, and leave the error to others."""
        self._note("hookline_map_error", call)
