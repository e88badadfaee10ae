"""The last step of an answer: from a `Reply` to what a WSGI server wants."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from flask import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from hookline.routes import Reply

_log = logging.getLogger("hookline.webhook")
_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
# The name of the server keeps the one below from telling its own.
_DEFAULT_HEADERS = (("x-content-type-options", "nosniff"), ("server", "hookline"))


class ReadyResponse(Response):
    """A response whose headers and body are ready; werkzeug would copy and check them several times.

    Args:
        reply: The answer.
        call_id: Id of the request it answers.
    """

    def __init__(self, reply: Reply, *, call_id: str) -> None:
        super().__init__(None, status=reply.status)
        self._content = reply.content
        self._status_line = _STATUS_LINES.get(reply.status) or f"{reply.status} Unknown"
        headers = [*reply.headers, *_DEFAULT_HEADERS, ("x-hookline-call-id", call_id)]
        if isinstance(reply.content, bytes):
            headers.append(("content-length", str(len(reply.content))))
        self._ready_headers = [pair for pair in headers if _is_plain(*pair)]

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI server; a stream is handed over as it is, so that the server can close it."""
        start_response(self._status_line, self._ready_headers)
        return [self._content] if isinstance(self._content, bytes) else self._content


def _is_plain(name: str, value: str) -> bool:
    """Tell whether a header can be sent; one that a line end would split is left out."""
    if value.isascii() and value.isprintable() and name.isascii() and name.isprintable():
        return True
    _log.warning("the header %r was left out: it holds a control character or is not ASCII", name[:80])
    return False
