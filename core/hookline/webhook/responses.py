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
_PRINTABLE = bytes(range(0x20, 0x7F))
# The name of the server keeps the one below from telling its own.
_DEFAULT_HEADERS = [("x-content-type-options", "nosniff"), ("server", "hookline")]


def answer(reply: Reply, call_id: str, start_response: StartResponse) -> Iterable[bytes]:
    """Answer a WSGI server; a stream is handed over as it is, so that the server can close it.

    Args:
        reply: The answer.
        call_id: Id of the request it answers.
        start_response: The server's.
    """
    content = reply.content
    # granian sends a list at once, and asks anything else for one piece after the other.
    body: Iterable[bytes] = [content] if isinstance(content, bytes) else content
    headers = [*reply.headers, *_DEFAULT_HEADERS, ("x-hookline-call-id", call_id)]
    if isinstance(content, bytes):
        headers.append(("content-length", str(len(content))))
    if not _are_plain(headers):
        headers = [pair for pair in headers if _is_plain(*pair)]
    start_response(_STATUS_LINES.get(reply.status) or f"{reply.status} Unknown", headers)
    return body


class ReadyResponse(Response):
    """What Flask's views return: an answer that is ready, which werkzeug would copy and check several times.

    Args:
        reply: The answer.
        call_id: Id of the request it answers.
    """

    def __init__(self, reply: Reply, *, call_id: str) -> None:
        super().__init__(None, status=reply.status)
        self._reply = reply
        self._call_id = call_id

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI server."""
        return answer(self._reply, self._call_id, start_response)


def _are_plain(headers: list[tuple[str, str]]) -> bool:
    """Tell whether all headers can be sent as they are, at a glance: all of them in one text."""
    text = "".join([name + value for name, value in headers])
    return text.isascii() and not text.encode().translate(None, _PRINTABLE)


def _is_plain(name: str, value: str) -> bool:
    """Tell whether a header can be sent; one that a line end would split is left out."""
    if _are_plain([(name, value)]):
        return True
    _log.warning("the header %r was left out: it holds a control character or is not ASCII", name[:80])
    return False
