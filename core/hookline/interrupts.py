"""Telling Ctrl-C from what code raises to end the process, or a task of its own."""

from __future__ import annotations

import threading


def is_ctrl_c(exc: BaseException) -> bool:
    """Tell whether an exception may be a person's Ctrl-C, which nobody may keep from the process.

    Python raises it in the main thread only. Any other `BaseException`, such as ``asyncio.CancelledError`` of
    a plugin's own event loop, was raised by the code that ran, and is a failure of it.
    """
    return isinstance(exc, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()
