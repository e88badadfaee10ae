"""How a model stands today: served, on its way out, or gone; and whose word that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date
from typing import TYPE_CHECKING, Literal

from hookline.connections import SANDBOX_BASE_URL
from hookline_openai.model_table import table_of

if TYPE_CHECKING:
    from hookline.call import Call
    from hookline.connection import Connection
    from hookline_lifecycle.live_lists import LiveList
    from hookline_openai.model_table import ModelInfo, ModelTable

OWN_ORIGIN = "https://api.openai.com:443"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What is to be said of a model that is not simply served.

    Attributes:
        state: ``deprecated`` while it still works, ``retired`` once it does not.
        deprecated_on: Day on which its end was announced, if that is known.
        ends_on: First day without it.
        is_certain: Whether the service that is called says so; if not, it is only what OpenAI says of a
            model of this name, and other servers need not care.
    """

    state: Literal["deprecated", "retired"]
    deprecated_on: date | None
    ends_on: date
    is_certain: bool = True


def is_own_service(connection: Connection) -> bool:
    """Tell whether a connection leads to OpenAI's own service, or to the sandbox that stands for it."""
    return connection.origin == OWN_ORIGIN or connection.base_url == SANDBOX_BASE_URL


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that is known about the models of one connection at the time of one call."""

    table: ModelTable
    live: LiveList | None
    is_own: bool
    today: date
    now_s: float

    @classmethod
    def of(cls, call: Call, live: LiveList | None) -> Outlook:
        """Return the outlook of a call."""
        connection, clock = call.connection, call.clock
        return cls(
            table_of(connection),
            live,
            is_own_service(connection),
            clock.now().astimezone(UTC).date(),
            clock.monotonic(),
        )

    def standing_of(self, model_id: str) -> Standing | None:
        """Return how a model stands; None if there is nothing to say, also of an unknown one.

        What the service itself listed goes before the table. A service other than OpenAI's own decides by its
        list alone; while that is not known, the table is no more than a hint.
        """
        info, live = self.table.find(model_id), self.live
        said = None if live is None else live.find(model_id, now_s=self.now_s)
        if isinstance(said, date):
            return self._stand(info, ends_on=said)
        if said == "no_end" or info is None or info.shutdown_on is None:
            return None
        if self.is_own:
            return self._stand(info, ends_on=info.shutdown_on, is_listed=said is not None)
        if said is not None:
            return None
        if live is not None and live.lacks(model_id, now_s=self.now_s):
            return self._stand(info, ends_on=info.shutdown_on) if info.is_retired(self.today) else None
        return self._stand(info, ends_on=info.shutdown_on, is_certain=False)

    def is_retired(self, model_id: str) -> bool:
        """Tell whether a model is known to be gone; of another server's models only it can say so."""
        standing = self.standing_of(model_id)
        return standing is not None and standing.state == "retired"

    def _stand(
        self, info: ModelInfo | None, *, ends_on: date, is_listed: bool = False, is_certain: bool = True
    ) -> Standing:
        return Standing(
            state="deprecated" if is_listed or ends_on > self.today else "retired",
            deprecated_on=None if info is None else info.deprecated_on,
            ends_on=ends_on,
            is_certain=is_certain,
        )
