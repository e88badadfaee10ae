"""The text of HTTP/1.1 messages: a request written out, and the head of an answer read strictly.

What RFC 9112 lets a reader repair is refused here, because two readers that repair differently are how one
message becomes two: folded lines, bare line feeds, two lengths, a length beside a transfer coding.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 100

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
_METHODS_WITH_BODY = frozenset({"PATCH", "POST", "PUT"})
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_NAME = re.compile(_TOKEN)
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_TARGET = re.compile(r"/[\x21\x22\x24-\x7e]*")  # visible, and no fragment
_STATUS_LINE = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\x00\n\r\x0b\x0c]*)?")
_FIELD = re.compile(rf"^({_TOKEN}):([^\x00\n\r\x0b\x0c]*)\r\n", re.MULTILINE)
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
    method = request.method
    target = path_prefix + request.path
    if not _NAME.fullmatch(method) or method == "CONNECT":
        raise UnsendableError("its method is not one that can be sent")
    if not request.path.startswith("/") or not _TARGET.fullmatch(target):
        raise UnsendableError("its path holds a character that cannot stand there")
    lines = [f"{method} {target} HTTP/1.1\r\nhost: {host}\r\n"]
    for name, value in request.headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise UnsendableError("one of its headers holds a character that cannot stand there")
        if name.lower() in _OWN_HEADERS:
            raise UnsendableError(f"a plugin set the header `{name.lower()}`, which only the transport writes")
        lines.append(f"{name}: {value}\r\n")
    content = request.content
    if content is not None or method in _METHODS_WITH_BODY:
        lines.append(f"content-length: {len(content or b'')}\r\n")
    lines.append("\r\n")
    head = "".join(lines).encode("ascii")
    return head + content if content else head


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
    lengths: set[str] = set()
    codings: list[str] = []
    connection = ""
    for name, value in headers:
        if name == "content-length":
            lengths.add(value)
        elif name == "transfer-encoding":
            codings.append(value.lower())
        elif name == "connection":
            connection = f"{connection},{value}"
    keeps_alive = is_http_11
    if connection:
        options = {option.strip() for option in connection.lower().split(",")}
        keeps_alive = "close" not in options and (is_http_11 or "keep-alive" in options)
    if codings and (lengths or codings != ["chunked"] or not is_http_11):
        raise ImproperAnswerError("its transfer coding is not just `chunked`, or stands beside a length")
    if len(lengths) > 1:
        raise ImproperAnswerError("it has two different lengths")
    length = None
    if lengths:
        text = lengths.pop()
        if not _LENGTH.fullmatch(text):
            raise ImproperAnswerError("its length is not a number")
        length = int(text)
    if method == "HEAD" or status < 200 or status in (204, 304):
        return ResponseHead(status, headers, 0, False, keeps_alive)
    return ResponseHead(status, headers, length, bool(codings), keeps_alive)


def read_fields(text: str) -> list[tuple[str, str]]:
    """Return the names and values of header or trailer lines, each with its line end.

    Raises:
        ImproperAnswerError: If a line is not a name, a colon and a value, or if there are too many.
    """
    found = _FIELD.findall(text)
    # Each find is one line from its start to its end, so equal numbers mean that nothing lies between them.
    if len(found) != text.count("\n") or not text.endswith("\n" if found else ""):
        raise ImproperAnswerError("one of its header lines is not a name, a colon and a value")
    if len(found) > MAX_HEADERS:
        raise ImproperAnswerError(f"it has more than {MAX_HEADERS} headers")
    return [(name.lower(), value.strip(" \t")) for name, value in found]
