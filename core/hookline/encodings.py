"""How a request's body is written: JSON, a form, a form with files, a text, or bytes.

Hooks see a body as JSON, whatever it is written as; what they change is written anew.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args
from urllib.parse import urlencode

from hookline.base64_content import BINARY, Content, clean_media_type, read_base64
from hookline.errors import InvalidInputError
from hookline.pairs import as_text, pairs_of

if TYPE_CHECKING:
    from hookline.places import ListStyle

JsonObject = dict[str, object]
Encoding = Literal["json", "form", "multipart", "text", "binary"]
ENCODINGS: tuple[str, ...] = get_args(Encoding)

JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
TEXT_TYPE = "text/plain; charset=utf-8"

FILE_MEMBERS = frozenset({"content", "file_name", "media_type"})
"""Members of a field of a multipart body that is a file: an object with ``content`` in base64."""

_UNQUOTABLE = re.compile(r'[\x00-\x1f\x7f"\\]')


class WrittenBody(NamedTuple):
    """A body as bytes.

    Attributes:
        content: The bytes.
        media_type: Value of ``content-type``.
    """

    content: bytes
    media_type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyEncoding:
    """How one endpoint's body is written.

    Attributes:
        kind: As what.
        styles: How lists stand in a form, by the service's names; ``repeat`` for others.
        files: The service's names of those fields of a multipart body that are files in base64, each with
            its media type, as far as that is known.
        takes_file_objects: Whether an object with ``content`` is a file wherever it stands: code or a shape
            wrote the body, so its fields are none of the input's.
        fields: The input's names by the service's, where they differ; for messages.
    """

    kind: Encoding = "json"
    styles: Mapping[str, ListStyle] = field(default_factory=dict)
    files: Mapping[str, str | None] = field(default_factory=dict)
    takes_file_objects: bool = False
    fields: Mapping[str, str] = field(default_factory=dict)

    def write(self, body: JsonObject) -> WrittenBody:
        """Return a body as bytes.

        Raises:
            InvalidInputError: If a file is not base64; names the field.
            TypeError: If it is not JSON, or the endpoint takes no fields.
        """
        if self.kind == "json":
            import orjson

            return WrittenBody(orjson.dumps(body), JSON_TYPE)
        if self.kind == "form":
            return WrittenBody(urlencode(self._pairs(body)).encode("ascii"), FORM_TYPE)
        if self.kind == "multipart":
            return self._multipart(body)
        raise TypeError(f"a body that is {self.kind} has no fields")

    def write_content(self, value: object, *, field: str, media_type: str | None = None) -> WrittenBody:
        """Return a field that is the whole body as bytes.

        Args:
            value: What it holds.
            field: Its name, for messages.
            media_type: What it is, if it does not say so itself.

        Raises:
            InvalidInputError: If it cannot be written so; names the field.
        """
        if self.kind == "binary":
            found = read_base64(value, field=field)
            return WrittenBody(found.content, found.media_type or media_type or BINARY)
        if self.kind == "text":
            return WrittenBody(as_text(value).encode(), media_type or TEXT_TYPE)
        if self.kind == "json":
            import orjson

            return WrittenBody(orjson.dumps(value), media_type or JSON_TYPE)
        raise InvalidInputError(f"`{field}` must be an object.", field=field)

    def _pairs(self, body: JsonObject) -> list[tuple[str, str]]:
        return [
            pair
            for name, value in body.items()
            for pair in pairs_of(
                name, value, style=self.styles.get(name, "repeat"), field=self.fields.get(name, name)
            )
        ]

    def _multipart(self, body: JsonObject) -> WrittenBody:
        parts: list[tuple[bytes, bytes]] = []
        for name, value in body.items():
            style = self.styles.get(name, "repeat")
            for key, item in self._items(name, value, style):
                if item is not None:
                    parts.append(self._part(name, key, item))
        digest = hashlib.sha256()
        for head, content in parts:
            digest.update(b"%d:%d:" % (len(head), len(content)) + head)
            digest.update(content)
        # Worked out from what stands between the boundaries, so none of it can hold them.
        boundary = "hookline-" + digest.hexdigest()
        mark = b"--" + boundary.encode("ascii")
        pieces = [mark + b"\r\n" + head + b"\r\n\r\n" + content + b"\r\n" for head, content in parts]
        content = b"".join([*pieces, mark, b"--\r\n"])
        return WrittenBody(content, f"multipart/form-data; boundary={boundary}")

    def _items(self, name: str, value: object, style: ListStyle) -> list[tuple[str, object]]:
        if isinstance(value, list) and style == "repeat":
            return [(name, item) for item in value]
        if isinstance(value, list) and value and all(self._is_file(name, item) for item in value):
            return [(f"{name}[]" if style == "brackets" else name, item) for item in value]
        if style != "repeat" and not self._is_file(name, value):
            return list(pairs_of(name, value, style=style, field=self.fields.get(name, name)))
        return [(name, value)]

    def _is_file(self, name: str, value: object) -> bool:
        if name in self.files:
            return True
        is_object = isinstance(value, dict) and "content" in value and value.keys() <= FILE_MEMBERS
        return self.takes_file_objects and is_object

    def _part(self, name: str, key: str, item: object) -> tuple[bytes, bytes]:
        field = self.fields.get(name, name)
        quoted = _UNQUOTABLE.sub(lambda match: f"%{ord(match.group()):02X}", key)
        disposition = f'Content-Disposition: form-data; name="{quoted}"'
        if self._is_file(name, item):
            found, file_name = _read_file(item, field=field)
            media_type = found.media_type or self.files.get(name) or BINARY
            quoted_file = _UNQUOTABLE.sub(lambda match: f"%{ord(match.group()):02X}", file_name or field)
            head = f'{disposition}; filename="{quoted_file}"\r\nContent-Type: {media_type}'
            return _as_bytes(head), found.content
        if isinstance(item, (dict, list)):
            return _as_bytes(f"{disposition}\r\nContent-Type: {JSON_TYPE}"), _as_bytes(as_text(item))
        return _as_bytes(disposition), _as_bytes(as_text(item))


JSON_BODY = BodyEncoding()
"""How most services want a body, and how it is written where nothing else is said."""


def _read_file(value: object, *, field: str) -> tuple[Content, str | None]:
    if not isinstance(value, dict):
        return read_base64(value, field=field), None
    found = read_base64(value.get("content"), field=f"{field}.content")
    told, file_name = value.get("media_type"), value.get("file_name")
    if told is not None:
        media_type = clean_media_type(told) if isinstance(told, str) else None
        if media_type is None:
            raise InvalidInputError(
                f"`{field}.media_type` is no media type, such as `image/png`.", field=f"{field}.media_type"
            )
        found = found._replace(media_type=media_type)
    return found, file_name if isinstance(file_name, str) and file_name else None


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
