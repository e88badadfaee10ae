"""Serving the application with granian, from our own command line."""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import sys
import threading
from multiprocessing.util import Finalize
from types import SimpleNamespace
from typing import TYPE_CHECKING

from hookline.engine.http1_pacing import PACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask

    from hookline.settings import ServerSettings

# Options of glibc's mallopt(3).
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8

_PR_SET_PDEATHSIG = 1
_ENDING = {signal.SIGINT, signal.SIGTERM}
# How long a thread waits for the interpreter before it asks whoever has it to stop: four times Python's own
# number, and more for each busy stream. Each thread that waits wakes that often, and many do little else.
_SWITCH_INTERVAL_S, _MOST_SWITCH_INTERVAL_S, _SWITCH_INTERVAL_OF_A_STREAM_S = 0.02, 0.1, 0.0002
_NEW_OBJECTS = 10_000  # until garbage is looked for
_BACKPRESSURE = 4096  # connections, idle ones included: it must stay far above the number of threads


def create_worker_app() -> Flask:
    """Return the application of one worker process, from file and environment."""
    from hookline.gateway import Gateway
    from hookline.settings import load_settings
    from hookline.webhook.app import create_app

    settings = load_settings()
    configure_logging(settings.server.log_level)  # first, so that plugins are heard when they start
    gateway = Gateway(settings)
    # A worker process ends without what `atexit` runs; this is what its own end looks after.
    Finalize(None, gateway.close, exitpriority=1)
    gateway.start_background()
    app = create_app(gateway)
    serve_many_threads()
    return app


def serve_many_threads() -> None:
    """Make the interpreter fit for hundreds of threads that each do little at a time.

    The cycle collector looks at what calls leave, and never at what is loaded, which stays until the end:
    that would hold the start, and calls, for tens of milliseconds. What a call makes is freed without it, so
    it may look less often than by default.
    """
    PACE.on_count = set_switch_interval
    set_switch_interval(0)
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])


def set_switch_interval(streams: int) -> None:
    """Set how soon threads that wait for the interpreter get it from one that computes.

    Args:
        streams: How many are busy.
    """
    wanted_s = min(_MOST_SWITCH_INTERVAL_S, streams * _SWITCH_INTERVAL_OF_A_STREAM_S)
    sys.setswitchinterval(max(_SWITCH_INTERVAL_S, wanted_s))


def configure_logging(level: str) -> None:
    """Send log lines of hookline to the standard error stream."""
    logger = logging.getLogger("hookline")
    logger.setLevel(level.upper())
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        logger.addHandler(handler)
        logger.propagate = False


def serve(settings: ServerSettings) -> None:
    """Serve until a signal ends it; running calls are finished first, for at most 30 seconds.

    Args:
        settings: Where and how to listen. The workers read all other settings themselves.
    """
    _leave_no_core_dump()
    _hold_signals()

    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.log import LogLevels

    server = Granian(
        "hookline.webhook.server:create_worker_app",  # its name in granian's messages only
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        backpressure=max(_BACKPRESSURE, 4 * settings.threads),
        backlog=4096,
        http=HTTPModes.auto,
        loop=Loops.auto,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=30,
    )
    _end_on_signals(server.signal_handler_interrupt)
    # granian's own loader puts the working directory first on the import path and takes the name for one
    # inside of it when it is a package itself.
    server.serve(target_loader=_load_worker_app, wrap_loader=False)


def _load_worker_app() -> Flask:
    _end_with_parent()
    _hear_the_end()
    _give_memory_back()
    _keep_environment_apart()
    return create_worker_app()


def _keep_environment_apart() -> None:
    """Let requests hold what was sent, and not the variables of this process as well.

    granian puts a copy of all of them into each request, where one that is called like a header, such as
    ``HTTP_PROXY``, would be taken for one.
    """
    import granian.wsgi

    vars(granian.wsgi)["os"] = SimpleNamespace(environ={})  # all it takes of it


def _end_with_parent() -> None:
    """Let a worker end when the process that started it was killed: nobody else would end it. Linux only."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    except (AttributeError, OSError, TypeError):
        return


def _hold_signals() -> None:
    """Let signals to end wait, for this thread and the workers that it starts.

    A forked worker has the handlers of the process that started it, which would swallow a request to end
    that came before granian set the worker's own: it would be waited for in vain, then killed.
    """
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)


def _end_on_signals(end: Callable[[], None]) -> None:
    """Call a function when the first of the signals comes that `_hold_signals` lets wait."""
    if hasattr(signal, "sigwait"):

        def wait() -> None:
            signal.sigwait(_ENDING)
            end()

        threading.Thread(target=wait, name="hookline-signals", daemon=True).start()


def _hear_the_end() -> None:
    """Let a worker hear the process that started it, which also ends one that is still loading.

    Signals to end stay held in every thread of the worker, and a thread of its own waits for them: granian's
    handler sets an event that the main thread waits for, and a handler that Python runs inside of that very
    wait would wait for itself.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # until granian sets the worker's own handler
    if hasattr(signal, "sigwait"):
        os.register_at_fork(
            after_in_child=_let_go_of_signals
        )  # what a plugin forks should end when it is told to
        threading.Thread(target=_wait_for_the_end, name="hookline-signals", daemon=True).start()


def _wait_for_the_end() -> None:
    signal.sigwait({signal.SIGTERM})  # Ctrl-C in a terminal reaches the workers as well, and stays held
    end = signal.getsignal(signal.SIGTERM)
    if callable(end):
        end(signal.SIGTERM, None)
        return
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # it is still loading
    os.kill(os.getpid(), signal.SIGTERM)


def _let_go_of_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)


def _leave_no_core_dump() -> None:
    """Keep memory, and with it secrets, out of files that a crash would leave; where the system can."""
    try:
        import resource
    except ImportError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def _give_memory_back() -> None:
    """Make the C library give the memory of large bodies back; does nothing where it is another library.

    By default it learns to keep such blocks, and a thread each its own, so a burst of large requests would
    leave a worker large for good. The bounds are above what a body of some hundred kilobytes takes with its
    copies: memory that goes and comes with each such call costs more than all that is done with it.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    for option, value in ((_M_MMAP_THRESHOLD, 4 << 20), (_M_TRIM_THRESHOLD, 8 << 20), (_M_ARENA_MAX, 4)):
        mallopt(option, value)
