"""Taking secrets out of a recording, and telling what was taken."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from hookline.errors import HooklineError
from hookline.recording.recording import REMOVED, Exchange, Piece, Recording
from hookline.recording.secret_forms import SecretForms

if TYPE_CHECKING:
    from hookline.action import JsonObject

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token"}
)
"""Never written; their values are removed wherever else they occur."""

_SECRET_NAME = re.compile(
    r"(^|[-_.])(api[-_]?key|access[-_]?token|refresh[-_]?token|id[-_]?token|auth[-_]?token|client[-_]?secret|"
    r"secret|password|passwd|signature|private[-_]?key|credential|authorization|session[-_]?token)s?$"
    r"|^(key|token|sig)$",
    re.IGNORECASE,
)
_KEPT_OF_REQUESTS = frozenset({"accept", "content-type"})
_KEPT_OF_ANSWERS = (
    "content-type",
    "retry-after",
    "retry-after-ms",
    "link",
    "location",
    "content-disposition",
)


class SecretLeftError(HooklineError):
    """A secret would have gone into a recording; nothing was written."""

    code = "secret_left"
    title = "A secret would have been written"
    hint = "Record with other input, or report the place that the message names."


class Redactor:
    """Takes secrets out.

    Args:
        secrets: Credentials and account ids that are removed wherever they occur.
        headers: Further headers whose values are removed wherever they occur; lower case.
        kept: Further headers of answers that actions may need; lower case, a final ``*`` for any rest.
    """

    def __init__(
        self, secrets: Iterable[str], *, headers: Iterable[str] = (), kept: Iterable[str] = ()
    ) -> None:
        self._secrets = set(secrets)
        self._hidden_headers = SECRET_HEADERS | {name.lower() for name in headers}
        self._kept = (*_KEPT_OF_ANSWERS, *(name.lower() for name in kept))
        self._forms = SecretForms(())
        self._removed: dict[tuple[str, str], None] = {}

    def clean(
        self,
        recording: Recording,
        *,
        all_headers: Iterable[tuple[Mapping[str, str], Mapping[str, str]]] = (),
    ) -> Recording:
        """Return a recording without secrets, which lists what was removed.

        Args:
            recording: As it was taped.
            all_headers: All headers of each request and answer, for the secrets in them.

        Raises:
            SecretLeftError: If something is still in it.
        """
        for number, pair in enumerate(all_headers):
            for side, headers in zip(("request", "answer"), pair, strict=True):
                for name, value in headers.items():
                    if name in self._hidden_headers:
                        self._secrets.add(value)
                        self._note(f"exchanges[{number}].{side}.headers.{name}", "header")
        self._collect_named(recording)
        self._forms = SecretForms(self._secrets)
        exchanges = tuple(
            self._clean_exchange(one, f"exchanges[{number}]")
            for number, one in enumerate(recording.exchanges)
        )
        cleaned = replace(
            recording,
            input=self._clean_json(recording.input, "input"),  # type: ignore[arg-type]  # an object stays one
            exchanges=exchanges,
            removed=tuple(self._removed),
        )
        if self._forms.is_in(cleaned.dump()):
            raise SecretLeftError("A secret is still in the recording, in a form that was not recognised.")
        return cleaned

    def _collect_named(self, recording: Recording) -> None:
        """Take for secrets what stands under a name that only secrets have."""
        for exchange in recording.exchanges:
            for name, value in exchange.query:
                if _SECRET_NAME.search(name):
                    self._secrets.add(value)
            for body in (exchange.request_body, exchange.body):
                try:
                    self._collect(orjson.loads(body))
                except orjson.JSONDecodeError:
                    continue

    def _collect(self, value: object) -> None:
        if isinstance(value, dict):
            for name, member in value.items():
                if isinstance(member, str) and _SECRET_NAME.search(name):
                    self._secrets.add(member)
                self._collect(member)
        elif isinstance(value, list):
            for member in value:
                self._collect(member)

    def _clean_exchange(self, one: Exchange, where: str) -> Exchange:
        at, back = f"{where}.request", f"{where}.answer"
        return replace(
            one,
            path=self._clean_text(one.path, f"{at}.path"),
            query=tuple(
                (name, self._clean_named(name, value, f"{at}.query.{name}")) for name, value in one.query
            ),
            request_headers=self._clean_headers(one.request_headers, at, _KEPT_OF_REQUESTS),
            request_body=self._clean_body(one.request_body, f"{at}.body"),
            headers=self._clean_headers(one.headers, back, self._kept),
            body=self._clean_body(one.body, f"{back}.body"),
            pieces=tuple(
                Piece(after_s=piece.after_s, text=self._clean_event(piece.text, f"{back}.stream[{number}]"))
                for number, piece in enumerate(one.pieces)
            ),
        )

    def _clean_headers(self, headers: Mapping[str, str], where: str, kept: Iterable[str]) -> dict[str, str]:
        wanted = tuple(name for name in kept if name not in self._hidden_headers)
        exact = {name for name in wanted if not name.endswith("*")}
        prefixes = tuple(name[:-1] for name in wanted if name.endswith("*"))
        return {
            name: self._clean_text(value, f"{where}.headers.{name}")
            for name, value in headers.items()
            if name not in self._hidden_headers
            and (name in exact or (prefixes and name.startswith(prefixes)))
        }

    def _clean_body(self, content: bytes, where: str) -> bytes:
        if not content:
            return content
        try:
            value = orjson.loads(content)
        except orjson.JSONDecodeError:
            return self._clean_bytes(content, where)
        cleaned = self._clean_json(value, where)
        return content if cleaned == value else orjson.dumps(cleaned)

    def _clean_bytes(self, content: bytes, where: str) -> bytes:
        try:
            return self._clean_text(content.decode(), where).encode()
        except UnicodeDecodeError:
            for secret in self._forms.secrets:
                if secret.encode() in content:
                    self._note(where, "secret")
                    content = content.replace(secret.encode(), REMOVED.encode())
            return content

    def _clean_event(self, text: str, where: str) -> str:
        """Clean one event of a stream; its JSON may write a secret with escapes."""
        lines = []
        for line in text.split("\n"):
            name, colon, data = line.partition(":")
            try:
                value = orjson.loads(data) if name == "data" and colon else None
            except orjson.JSONDecodeError:
                value = None
            cleaned = self._clean_json(value, where)
            is_changed = value is not None and cleaned != value
            lines.append(f"data: {orjson.dumps(cleaned).decode()}" if is_changed else line)
        return self._clean_text("\n".join(lines), where)

    def _clean_json(self, value: object, where: str) -> object:
        if isinstance(value, dict):
            found: JsonObject = {}
            for name, member in value.items():
                inner = f"{where}.{name}"
                kept_name = self._clean_text(str(name), inner)
                if isinstance(member, str):
                    found[kept_name] = self._clean_named(str(name), member, inner)
                else:
                    found[kept_name] = self._clean_json(member, inner)
            return found
        if isinstance(value, list):
            return [self._clean_json(member, f"{where}[{number}]") for number, member in enumerate(value)]
        return self._clean_text(value, where) if isinstance(value, str) else value

    def _clean_named(self, name: str, value: str, where: str) -> str:
        if value and _SECRET_NAME.search(name):
            self._note(where, "named like a secret")
            return REMOVED
        return self._clean_text(value, where)

    def _clean_text(self, text: str, where: str) -> str:
        cleaned = self._forms.hide(text, REMOVED)
        if cleaned != text:
            self._note(where, "secret")
        return cleaned

    def _note(self, where: str, what: str) -> None:
        self._removed[self._forms.hide(where, REMOVED), what] = None
