"""What stands between callers and a database that fails: errors in our words, one log line, and a rest."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from hookline.errors import StoreUnavailableError, raise_from
from hookline.store import bounds, failures
from hookline.store.circuit import Circuit

_log = logging.getLogger("hookline.store")


class Guard:
    """Keeps callers from waiting for a database that was found dead, and says once what is wrong with it.

    Args:
        shown: Address of the database, for the log.
        rests_writers: Whether writers rest, too, after the database stayed locked.
        on_failure: Is told of every failure of the database.
        monotonic: Seconds that only go forward.
    """

    def __init__(
        self,
        shown: str,
        *,
        rests_writers: bool,
        on_failure: Callable[[failures.Fault], None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shown = shown
        self._rests_writers = rests_writers
        self._on_failure = on_failure
        self._all = Circuit(rest_s=bounds.REST_S, monotonic=monotonic)
        self._writers = Circuit(rest_s=bounds.REST_S, monotonic=monotonic)
        self._problem: str | None = None
        self._why = (failures.UNREACHABLE, "")

    @contextmanager
    def admit(self, *, is_write: bool) -> Iterator[Callable[[], None]]:
        """Let a block through, or not while the database has a rest; gives what reports that it got on.

        Raises:
            StoreUnavailableError: Says why the database has a rest.
        """
        circuits = [(self._all, self._why)]
        if is_write:
            circuits.append((self._writers, (failures.LOCKED, "")))
        entered: list[Circuit] = []

        def pass_() -> None:
            for circuit in entered:
                circuit.pass_()

        try:
            for circuit, (message, hint) in circuits:
                if not circuit.may_enter():
                    raise failures.unavailable(message, hint=hint)
                entered.append(circuit)
            yield pass_
        finally:
            for circuit in entered:
                circuit.leave()

    @contextmanager
    def translate(self, *, is_write: bool) -> Iterator[None]:
        """Turn what drivers raise into errors of ours, and remember what it means for the next block.

        Raises:
            StoreUnavailableError: If the database cannot be used.
            ConflictError: If a row with the same unique values exists.
            StatementRefusedError: If a statement is wrong.
        """
        try:
            yield
        except Exception as exc:
            fault = failures.judge(exc, is_reading=not is_write)
            if fault is None:
                raise
            if isinstance(fault.error, StoreUnavailableError):
                self._note(fault, fault.error, exc, is_write=is_write)
            _raise(fault, exc)
        if self._problem is not None and (is_write or self._problem not in failures.OF_WRITES):
            self._problem = None
            _log.info("the database %s can be used again", self._shown)

    def fail_to_open(self, exc: Exception) -> NoReturn:
        """Raise what it means that the database could not be opened, after which everybody rests.

        Opening may take longer than a block, so not everybody should try it.
        """
        fault = failures.judge_opening(exc)
        if fault is None or not isinstance(fault.error, StoreUnavailableError):
            raise exc
        self._rest(fault.error)
        self.say(fault.error.message, failures.words_of(exc))
        raise_from(fault.error, exc)

    def say(self, message: str, words: str) -> None:
        """Log what is wrong, but not for every call."""
        if message != self._problem:
            self._problem = message
            _log.error("the database %s: %s (%s)", self._shown, message, words)

    def _note(
        self, fault: failures.Fault, error: StoreUnavailableError, exc: Exception, *, is_write: bool
    ) -> None:
        if fault.is_connection:
            self._rest(error)
        elif is_write and error.message == failures.LOCKED and self._rests_writers:
            self._writers.fail()
        self._on_failure(fault)
        self.say(error.message, failures.words_of(exc))

    def _rest(self, error: StoreUnavailableError) -> None:
        self._why = (error.message, error.hint)  # not the error: its traceback holds what the block held
        self._all.fail()


def _raise(fault: failures.Fault, exc: Exception) -> NoReturn:
    """Raise the error of a fault, with the driver's own only if that quotes no values."""
    if fault.keeps_cause:
        raise fault.error from exc
    try:
        raise fault.error from None
    finally:
        fault.error.__context__ = None
