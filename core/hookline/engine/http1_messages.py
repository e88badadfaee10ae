"""The text of HTTP/1.1 messages: a request written out, and the head of an answer read strictly.

What RFC 9112 lets a reader repair is refused here, because two readers that repair differently are how one
message becomes two: folded lines, bare line feeds, two lengths, a length beside a transfer coding.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from hookline.engine.plain_headers import are_plain

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 100
_MAX_INTERIM_ANSWERS = 8

# Headers that say where a message goes or ends, or what a connection does. Only the transport writes them.
_OWN_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_FRAMING_HEADERS = ("connection", "content-length", "transfer-encoding")
_STATUSES_WITHOUT_BODY = (204, 304)
_METHODS_WITH_BODY = frozenset({"PATCH", "POST", "PUT"})
_METHOD = re.compile(r"[A-Z]+")
_TARGET = re.compile(r"/[\x21\x22\x24-\x7e]*")  # visible, and no fragment
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\x00\n\r\x0b\x0c]*)?")
_FIELD = re.compile(r"^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)\r\n", re.MULTILINE)
_LENGTH = re.compile(r"[0-9]{1,18}")


class UnsendableError(ValueError):
    """A request holds what cannot be sent; the message names the part and never shows its value."""


class ImproperAnswerError(ValueError):
    """The peer did not answer in proper HTTP/1.1."""


class ResponseHead(NamedTuple):
    """The head of an answer.

    Attributes:
        status: HTTP status.
        headers: Names in lower case, and values, in order.
        length: Bytes of the body; None if its end is told otherwise.
        is_chunked: Whether the body comes in chunks; if not and there is no length, it ends with the
            connection.
        keeps_alive: Whether another request may follow on the connection.
    """

    status: int
    headers: list[tuple[str, str]]
    length: int | None
    is_chunked: bool
    keeps_alive: bool


def write_request(request: UpstreamRequest, *, path_prefix: str, host: str) -> bytes:
    """Return the bytes of a request, head and body.

    The request was checked before hooks ran and after; it is checked once more where it becomes bytes.

    Args:
        request: What is sent.
        path_prefix: Path of the base URL.
        host: Value of the ``host`` header.

    Raises:
        UnsendableError: If a part holds a character that cannot stand there, or a header is one of those
            that only the transport writes.
    """
    method, content, headers = request.method, request.content, request.headers
    target = path_prefix + request.path
    if not _METHOD.fullmatch(method) or method == "CONNECT":
        raise UnsendableError("its method is not one that can be sent")
    if not request.path.startswith("/") or not _TARGET.fullmatch(target):
        raise UnsendableError("its path holds a character that cannot stand there")
    if not are_plain(headers):
        for name, value in headers.items():
            if not isinstance(name, str) or not isinstance(value, str):
                raise UnsendableError("one of its headers is no text")
            if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
                raise UnsendableError("one of its headers holds a character that cannot stand there")
    if not _OWN_HEADERS.isdisjoint(headers):
        raise UnsendableError("one of its headers is one that only the transport writes")
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if content is not None or method in _METHODS_WITH_BODY:
        fields += f"Content-Length: {len(content or b'')}\r\n"
    head = f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n".encode("ascii")
    return head + content if content else head


def receive_head(receive: Callable[[], bytes], data: bytes, *, method: str) -> tuple[ResponseHead, bytes]:
    """Return the head of the final answer, and what came after it; interim answers are passed over.

    Args:
        receive: Returns what arrives next; nothing at the connection's end.
        data: What arrived already.
        method: Method of the request.

    Raises:
        EOFError: If the connection ends before the head does.
        ImproperAnswerError: If it is not proper HTTP/1.1, or too long.
    """
    for _ in range(_MAX_INTERIM_ANSWERS + 1):
        searched = 0
        while (end := data.find(b"\r\n\r\n", searched, MAX_HEAD_BYTES)) < 0:
            if len(data) >= MAX_HEAD_BYTES:
                raise ImproperAnswerError("its head is too long")
            searched = max(0, len(data) - 3)
            piece = receive()
            if not piece:
                raise EOFError("the connection ended inside the head")
            data += piece
        head = read_head(data[: end + 2], method=method)
        data = data[end + 4 :]
        if head.status == 101:
            raise ImproperAnswerError("it switched to another protocol, which nobody asked for")
        if head.status >= 200:
            return head, data
    raise ImproperAnswerError("it sent too many interim answers")


def read_head(block: bytes, *, method: str) -> ResponseHead:
    """Return the head of an answer.

    Args:
        block: From the status line to the line end of the last header, without the empty line.
        method: Method of the request; an answer to ``HEAD`` has no body.

    Raises:
        ImproperAnswerError: If it is not proper HTTP/1.1 or leaves room for doubt about its end.
    """
    first, _, fields = block.decode("latin-1").partition("\r\n")
    line = _STATUS_LINE.fullmatch(first)
    if line is None:
        raise ImproperAnswerError("its first line is not a status line")
    headers = read_fields(fields)
    status, is_http_11 = int(line[2]), line[1] == "1"
    fields_by_name = dict(headers)
    if len(fields_by_name) != len(headers):  # some come more than once
        for name in _FRAMING_HEADERS:
            values = [value for other, value in headers if other == name]
            if len(values) > 1:
                once = name == "content-length"  # which may be repeated if it says the same
                fields_by_name[name] = ",".join(dict.fromkeys(values) if once else values)
    connection = fields_by_name.get("connection")
    keeps_alive = is_http_11
    if connection is not None:
        options = {option.strip() for option in connection.lower().split(",")}
        keeps_alive = "close" not in options and (is_http_11 or "keep-alive" in options)
    length_text = fields_by_name.get("content-length")
    coding = fields_by_name.get("transfer-encoding")
    length = None
    if length_text is not None:
        if not _LENGTH.fullmatch(length_text):
            raise ImproperAnswerError("its length is not one number")
        length = int(length_text)
    if coding is not None and (coding.lower() != "chunked" or length is not None or not is_http_11):
        raise ImproperAnswerError("its transfer coding is not just `chunked`, or stands beside a length")
    if method == "HEAD" or status < 200 or status in _STATUSES_WITHOUT_BODY:
        return ResponseHead(status, headers, 0, False, keeps_alive)
    keeps_alive = keeps_alive and (length is not None or coding is not None)
    return ResponseHead(status, headers, length, coding is not None, keeps_alive)


def read_fields(text: str) -> list[tuple[str, str]]:
    """Return the names and values of header or trailer lines, each with its line end.

    Raises:
        ImproperAnswerError: If a line is not a name, a colon and a value, or if there are too many.
    """
    found = _FIELD.findall(text)
    # Each find is one line from its start to its end, so equal numbers mean that nothing lies between them,
    # and that no value holds a carriage return.
    is_whole = len(found) == text.count("\n") == text.count("\r") and (not text or text[-1] == "\n")
    if not is_whole or "\x00" in text or "\x0b" in text or "\x0c" in text:
        raise ImproperAnswerError("one of its header lines is not a name, a colon and a value")
    if len(found) > MAX_HEADERS:
        raise ImproperAnswerError(f"it has more than {MAX_HEADERS} headers")
    return [(name.lower(), value.strip(" \t")) for name, value in found]
