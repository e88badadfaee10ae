"""Requests that need no web framework: a known address, answered by what stands there.

Most of what Flask does for a request is to find its route, and to make objects of it that nothing here looks
at. Where an address is written out in a route, or all but its last part is, looking it up takes two steps.
All else goes on to Flask: unknown addresses, other methods, addresses with anything unusual in them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from hookline.webhook.responses import answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

    from hookline.routes import Reply, Route

Handle = Callable[["WSGIEnvironment", dict[str, str]], tuple["Reply", str]]
"""Takes a request and the values of the route's ``<name>`` parts; returns the reply and the request's id."""

Fail = Callable[[str, Exception], tuple["Reply", str]]
"""Takes the path of a request and what was raised; returns the same."""

_FIXED = re.compile(r"[^<>]*")
_FIXED_AND_LAST = re.compile(r"([^<>]*)/<([a-z_]+)>")
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")


class Front:
    """A WSGI application that answers what it finds at once, and hands all else to another.

    Args:
        handles: What answers each route.
        otherwise: The other application.
        fail: Makes an answer for what was raised where one was made, such as by headers that are no text.
    """

    def __init__(
        self, handles: Iterable[tuple[Route, Handle]], otherwise: WSGIApplication, fail: Fail
    ) -> None:
        self._otherwise = otherwise
        self._fail = fail
        self._fixed: dict[tuple[str, str], Handle] = {}
        self._last: dict[tuple[str, str], tuple[Handle, str]] = {}
        for route, handle in handles:
            if _FIXED.fullmatch(route.path):
                self._fixed[route.method, route.path] = handle
            elif parts := _FIXED_AND_LAST.fullmatch(route.path):
                # Of two that differ only in the name of that part the first one answers, as with Flask.
                self._last.setdefault((route.method, parts[1]), (handle, parts[2]))

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        try:
            return self._answer(environ, start_response)
        except Exception as exc:
            reply, call_id = self._fail(environ["PATH_INFO"], exc)
            return answer(reply, call_id, start_response)

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        parameters: dict[str, str] = {}
        handle = self._fixed.get((method, path))
        if handle is None:
            before, _, last = path.rpartition("/")
            found = self._last.get((method, before))
            if found is None or not _PLAIN.fullmatch(last):
                return self._otherwise(environ, start_response)
            handle, name = found
            parameters[name] = last
        reply, call_id = handle(environ, parameters)
        return answer(reply, call_id, start_response)
