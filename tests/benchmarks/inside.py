"""A gateway inside this process, with a transport that answers at once: nothing but its own work is left."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.benchmarks.servers import API_KEY
from tests.benchmarks.upstream import COMPLETION, JSON_HEADERS
from tests.benchmarks.work import CHAT

from hookline.gateway import Gateway
from hookline.upstream import UpstreamRequest, UpstreamResponse, WholeBody
from hookline.webhook import app

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from hookline.call import Cancellation
    from hookline.engine.transport import Timeouts

DOORS = {"wire": (CHAT.wire.path, CHAT.wire.body), "action": (CHAT.action.path, CHAT.action.body)}


class FixedTransport:
    """Answers every request with the fixed completion, without a network."""

    def send(
        self, request: UpstreamRequest, *, timeouts: Timeouts, cancellation: Cancellation
    ) -> UpstreamResponse:
        """Return the answer."""
        return UpstreamResponse(status=200, headers=list(JSON_HEADERS), chunks=WholeBody(COMPLETION))

    def close(self) -> None:
        """Do nothing."""


def make_gateway(*, disabled: tuple[str, ...] = (), watched: str = "others") -> Gateway:
    """Return a gateway with the bundled plugins but some, and the fixed upstream."""
    logging.getLogger("hookline").setLevel(logging.WARNING)
    environ = {
        "HOOKLINE_API_KEYS": API_KEY,
        "HOOKLINE_OPENAI_API_KEY": "benchmark-credential",
        "HOOKLINE_OPENAI_BASE_URL": "https://api.openai.com/v1",  # what models.json speaks for; never reached
        "HOOKLINE_DISABLED_PLUGINS": ",".join(disabled),
        "HOOKLINE_WATCHED_PLUGINS": watched,
    }
    return Gateway(environ=environ, transport=FixedTransport())


def make_caller(gateway: Gateway, door: str, *, key: str = API_KEY) -> Callable[[], None]:
    """Return what makes one call through the WSGI application.

    Raises:
        RuntimeError: From the call, if its answer is not 200.
    """
    application = app.create_app(gateway)
    path, body = DOORS[door]
    statuses: list[str] = []

    def start_response(status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
        statuses.append(status)
        return statuses.append  # type: ignore[return-value]  # the old way of writing, which nobody uses

    def call_once() -> None:
        b"".join(application.wsgi_app(make_environ(path, body, key), start_response))
        if statuses.pop() != "200 OK":
            raise RuntimeError(f"{door} door: an answer was not 200")

    return call_once


def make_environ(path: str, body: bytes, key: str = API_KEY) -> WSGIEnvironment:
    """Return what the server makes of one request."""
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8787",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "127.0.0.1:8787",
        "HTTP_AUTHORIZATION": f"Bearer {key}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
