"""Taking secrets out of a recording, and telling what was taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from hookline.errors import HooklineError
from hookline.recording.recording import REMOVED, Exchange, Piece, Recording
from hookline.recording.secret_forms import SecretForms
from hookline.recording.secret_search import (
    Hidden,
    data_of,
    find_secrets,
    hidden_below,
    hidden_value_of,
    is_readable,
    read_json,
    secrets_of_header,
)
from hookline.secret_names import is_secret_name
from hookline.secret_texts import Span, replace_spans, spans_in_document, spans_in_text

if TYPE_CHECKING:
    from hookline.action import JsonObject

SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token"}
)
"""Never written; their values are removed wherever else they occur."""

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
        parameters: Parameters of queries whose values are removed wherever they occur.
    """

    def __init__(
        self,
        secrets: Iterable[str],
        *,
        headers: Iterable[str] = (),
        kept: Iterable[str] = (),
        parameters: Iterable[str] = (),
    ) -> None:
        self._secrets = set(secrets)
        self._hidden_headers = SECRET_HEADERS | {name.lower() for name in headers}
        self._kept = (*_KEPT_OF_ANSWERS, *(name.lower() for name in kept))
        self._parameters = frozenset(parameters)
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
                    if self._is_hidden(name):
                        self._secrets |= secrets_of_header(name, value)
                        self._note(f"exchanges[{number}].{side}.headers.{name}", "header")
        for exchange in recording.exchanges:
            self._secrets |= {value for name, value in exchange.query if name in self._parameters}
        self._forms = SecretForms(self._secrets, whole=find_secrets(recording))
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

    def _clean_exchange(self, one: Exchange, where: str) -> Exchange:
        at, back = f"{where}.request", f"{where}.answer"
        return replace(
            one,
            path=self._clean_text(one.path, f"{at}.path"),
            query=tuple(
                (name, self._clean_parameter(name, value, f"{at}.query.{name}")) for name, value in one.query
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
        wanted = tuple(name for name in kept if not self._is_hidden(name))
        exact = {name for name in wanted if not name.endswith("*")}
        prefixes = tuple(name[:-1] for name in wanted if name.endswith("*"))
        return {
            name: self._clean_text(value, f"{where}.headers.{name}")
            for name, value in headers.items()
            if not self._is_hidden(name) and (name in exact or (prefixes and name.startswith(prefixes)))
        }

    def _is_hidden(self, header: str) -> bool:
        return header in self._hidden_headers or is_secret_name(header)

    def _clean_parameter(self, name: str, value: str, where: str) -> str:
        if name in self._parameters and value:
            self._note(where, "secret")
            return REMOVED
        return str(self._clean_json(value, where, hidden_below(name)))

    def _clean_body(self, content: bytes, where: str) -> bytes:
        if not content:
            return content
        value = read_json(content)
        if value is not None:
            cleaned = self._clean_json(value, where)
            return content if cleaned == value else orjson.dumps(cleaned)
        if is_readable(content):
            text = content.decode("utf-8", "surrogateescape")
            lines = [self._clean_if_json(line, where) for line in text.splitlines(keepends=True)]
            cleaned_text = self._clean_spans("".join(lines), where, spans_in_document)
            return self._hide(cleaned_text, where).encode("utf-8", "surrogateescape")
        for secret in self._forms.secrets:
            if secret.encode() in content:
                self._note(where, "secret")
                content = content.replace(secret.encode(), REMOVED.encode())
        return content

    def _clean_if_json(self, line: str, where: str) -> str:
        """Clean a line that is an object or a list of its own; its JSON may write a secret with escapes."""
        value = read_json(line)
        cleaned = self._clean_json(value, where)
        if cleaned == value:
            return line
        return orjson.dumps(cleaned).decode() + line[len(line.rstrip()) :]

    def _clean_event(self, text: str, where: str) -> str:
        """Clean one event of a stream, whose data may be JSON of several lines."""
        lines, data = data_of(text)
        cleaned = self._clean_if_json(data, where)
        if cleaned != data:
            first = next(number for number, line in enumerate(lines) if line.startswith("data:"))
            others = [line for line in lines[first:] if not line.startswith("data:")]
            lines = [*lines[:first], *(f"data: {line}" for line in cleaned.split("\n")), *others]
        lines = [
            "data: " + self._clean_if_json(line[5:].lstrip(), where) if line.startswith("data: ") else line
            for line in lines
        ]
        return self._clean_text("\n".join(lines), where)

    def _clean_json(self, value: object, where: str, hidden: Hidden = "nothing") -> object:
        if isinstance(value, dict):
            has_value = hidden_value_of(value)
            found: JsonObject = {}
            for name, member in value.items():
                inner, below = f"{where}.{name}", hidden_below(str(name), hidden)
                if has_value and name == "value":
                    below = "everything"
                found[self._hide(str(name), inner)] = self._clean_json(member, inner, below)
            return found
        if isinstance(value, list):
            return [
                self._clean_json(member, f"{where}[{number}]", hidden) for number, member in enumerate(value)
            ]
        if isinstance(value, str):
            return self._remove(where) if value and hidden != "nothing" else self._clean_text(value, where)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return self._remove(where) if is_number and hidden == "everything" else value

    def _remove(self, where: str) -> str:
        self._note(where, "named like a secret")
        return REMOVED

    def _clean_text(self, text: str, where: str) -> str:
        """Clean a text, which may be JSON itself, or hold URLs with secrets in them."""
        text = self._clean_if_json(text, where)
        return self._hide(self._clean_spans(text, where, spans_in_text), where)

    def _clean_spans(self, text: str, where: str, find: Callable[..., Iterator[Span]]) -> str:
        cleaned = replace_spans(text, find(text, names=self._parameters), REMOVED)
        if cleaned != text:
            self._note(where, "named like a secret")
        return cleaned

    def _hide(self, text: str, where: str) -> str:
        cleaned = self._forms.hide(text, REMOVED)
        if cleaned != text:
            self._note(where, "secret")
        return cleaned

    def _note(self, where: str, what: str) -> None:
        self._removed[self._forms.hide(where, REMOVED), what] = None
