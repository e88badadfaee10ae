"""What runs the rows of a file, and what it says about each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hookline.action import JsonObject

CUT_SHORT = 499
"""Status of a row that was cancelled while it ran."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RowReply:
    """What became of a row.

    Attributes:
        status: HTTP status; 0 if nobody knows whether the row was run.
        content: JSON of its output or error, in one line.
        usage: Tokens, if they are known.
        cost_nano_usd: Cost in nano-dollars, if it is known.
        wait_s: Seconds after which to send it again, because it was refused before anything was sent; None
            if it is over.
    """

    status: int
    content: bytes = field(default=b"", repr=False)
    usage: JsonObject | None = None
    cost_nano_usd: int | None = None
    wait_s: float | None = None

    @property
    def is_success(self) -> bool:
        """Whether it went well."""
        return 200 <= self.status < 300

    @property
    def is_known(self) -> bool:
        """Whether it is known what became of the row."""
        return self.status not in (0, CUT_SHORT)


@dataclass(frozen=True, kw_only=True, slots=True)
class RowEstimate:
    """The most that a row can take.

    Attributes:
        input_tokens: Tokens sent, as far as known.
        output_tokens: Tokens made at most, as far as known.
        cost_nano_usd: Cost at most; None if no price is known.
        refusal: Why the row would be refused; None if it would be run.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano_usd: int | None = None
    refusal: str | None = None


class GatewayLostError(Exception):
    """The gateway cannot be reached, so that it makes no sense to go on.

    Args:
        message: What happened.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class RowRunner(Protocol):
    """Runs rows, from several threads at once.

    Attributes:
        is_repeatable: Whether the action says that it can be run twice without harm.
    """

    is_repeatable: bool

    def run(self, fields: JsonObject, *, key: str) -> RowReply:
        """Run a row; what goes wrong is a reply too.

        Args:
            fields: Input of the action.
            key: Names this row, so that it is not run twice where that is understood.

        Raises:
            GatewayLostError: If there is nobody to run it.
        """
        ...

    def estimate(self, fields: JsonObject) -> RowEstimate:
        """Return the most that a row can take."""
        ...

    def cancel(self) -> None:
        """End what runs."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...
