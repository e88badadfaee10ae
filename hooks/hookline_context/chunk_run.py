"""Run the parts of a call: some at the same time, and none any more once one has failed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from hookline.call import Cancellation
from hookline.errors import HooklineError

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call

T = TypeVar("T")
R = TypeVar("R")

Run = Callable[["JsonObject"], "JsonObject"]


def run_parts(call: Call, parts: Sequence[T], work: Callable[[T, Run], R], *, parallel: int) -> list[R]:
    """Return what each part gave, in order.

    Args:
        call: The call that is run in parts.
        parts: The parts.
        work: Runs one part; it is handed what runs the call's action with another input.
        parallel: Most parts that run at the same time.

    Raises:
        HooklineError: The failure of the part that failed first, which it names. Parts that still run are
            cancelled, and others not begun.
    """
    cancellation = Cancellation()
    runner = replace(call, cancellation=cancellation)
    lock = threading.Lock()
    failures: list[tuple[int, BaseException]] = []
    results: dict[int, R] = {}

    def run(input: JsonObject) -> JsonObject:
        output = runner.run(call.action.id, input)
        _hand_on_warnings(call, output, lock)
        return output

    def run_one(index: int) -> None:
        if cancellation.is_cancelled:
            return
        try:
            results[index] = work(parts[index], run)
        except BaseException as exc:  # told by the thread that waits
            with lock:
                failures.append((index, exc))
            cancellation.cancel()

    call.cancellation.add(cancellation.cancel)
    try:
        with ThreadPoolExecutor(min(parallel, len(parts)), thread_name_prefix="hookline-part") as pool:
            for index in range(len(parts)):
                pool.submit(run_one, index)
    finally:
        call.cancellation.discard(cancellation.cancel)
    if failures:
        index, error = failures[0]
        failures.clear()
        try:
            raise _named(index, error, len(parts))
        finally:
            del error  # or the traceback, which holds this frame, would keep it alive
    if len(results) < len(parts):
        raise HooklineError("The call was cancelled before all of its parts had run.", code="cancelled")
    return [results[index] for index in range(len(parts))]


def _named(index: int, error: BaseException, number: int) -> BaseException:
    if isinstance(error, HooklineError):
        error.message = f"Part {index + 1} of {number} failed: {error.message}"
        error.details = {**error.details, "part": index + 1, "parts": number}
        error.answer = None  # or it would be told as the refusal of the whole call
        error.is_exhausted = True  # each part was tried as often as it makes sense
    return error


def _hand_on_warnings(call: Call, output: JsonObject, lock: threading.Lock) -> None:
    warnings = output.get("warnings")
    for warning in warnings if isinstance(warnings, list) else ():
        if isinstance(warning, dict):
            with lock:
                call.record.warn(str(warning.get("code")), str(warning.get("message")))
