"""Serving the application with granian, from our own command line."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from hookline.settings import ServerSettings

_BACKPRESSURE = 4096  # connections, idle ones included: it must stay far above the number of threads


def create_worker_app() -> Flask:
    """Return the application of one worker process, from file and environment."""
    from hookline.gateway import Gateway
    from hookline.webhook.app import create_app

    gateway = Gateway()
    configure_logging(gateway.settings.server.log_level)
    return create_app(gateway)


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
    """Serve until a signal ends it; running calls are finished first.

    Args:
        settings: Where and how to listen. The workers read all other settings themselves.
    """
    from granian import Granian
    from granian.constants import HTTPModes, Interfaces, Loops
    from granian.log import LogLevels

    Granian(
        "hookline.webhook.server:create_worker_app",
        factory=True,
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
        workers_kill_timeout=30,
    ).serve()
