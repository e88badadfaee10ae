"""What happened to a call so far: warnings, headers for its caller, attempts and usage."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from hookline.making import maker_of

if TYPE_CHECKING:
    from hookline.usage import Usage

WARNINGS_HEADER = "x-hookline-warnings"
ATTEMPTS_HEADER = "x-hookline-attempts"

_MAX_WARNINGS = 20
_MAX_HEADER_LENGTH = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class CallWarning:
    """Something that a caller should know although the call went well.

    Attributes:
        code: Machine-readable reason, snake_case.
        message: What happened and what to do, in one or two sentences.
    """

    code: str
    message: str


@dataclass(kw_only=True, slots=True)
class CallRecord:
    """Grows while a call runs; plugins write into it.

    Attributes:
        warnings: What the caller is told besides the answer.
        headers: Headers for the caller, by lower-case name; sent at both doors, with errors too, as long as
            the answer has not begun.
        attempts: Upstream requests made so far.
        usage: What all of them took, if that is known; not what calls inside this one took.
        model: The model that the last of them asked for, if it named one.
        status: HTTP status that the caller was told; None while the answer has not begun.
        error_code: Code of the error with which the call ended, also inside a stream.
        began_at: Value of ``clock.monotonic()`` when the call was opened.
        began_at_utc: Date and time of the same.
        first_byte_at: Value of ``clock.monotonic()`` when the answer began.
        ended_at: Value of ``clock.monotonic()`` when the call was over.
        is_composed: Whether calls inside this one do its work and are metered in its place.
    """

    warnings: list[CallWarning] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    attempts: int = 0
    usage: Usage | None = None
    model: str | None = None
    status: int | None = None
    error_code: str | None = None
    began_at: float = 0.0
    began_at_utc: datetime | None = None
    first_byte_at: float | None = None
    ended_at: float | None = None
    is_composed: bool = False

    def warn(self, code: str, message: str) -> None:
        """Tell the caller something; the same thing is told once, and no more than twenty things are."""
        warning = CallWarning(code=code, message=message)
        if warning not in self.warnings and len(self.warnings) < _MAX_WARNINGS:
            self.warnings.append(warning)

    def add_usage(self, usage: Usage) -> None:
        """Note what another of the call's attempts took."""
        self.usage = usage if self.usage is None else self.usage + usage

    def reply_headers(self) -> list[tuple[str, str]]:
        """Return the headers that an answer carries because of all this."""
        headers = list(self.headers.items())
        if self.attempts > 1:
            headers.append((ATTEMPTS_HEADER, str(self.attempts)))
        if self.warnings:
            text = "; ".join(f"{warning.code}: {warning.message}" for warning in self.warnings)
            headers.append((WARNINGS_HEADER, _printable(text)))
        return headers


make_record = maker_of(CallRecord)
"""Make a record; what every call needs."""


def _printable(text: str) -> str:
    """Return a text as it can stand in a header: one line of ASCII, and not endless."""
    line = "".join(char if " " <= char <= "~" else "?" for char in text)
    return line if len(line) <= _MAX_HEADER_LENGTH else line[: _MAX_HEADER_LENGTH - 3] + "..."
