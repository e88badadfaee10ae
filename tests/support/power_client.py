"""A client that knows nothing but a Swagger 2.0 file: it does what Power Automate does with a connector.

It imports nothing of Hookline, so what it can do, anybody can who imported the file.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from swagger_checks import value_problems

Json = dict[str, Any]
SOON_S = 20.0


@dataclass(frozen=True, kw_only=True)
class Came:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


Send = Callable[[str, str, Mapping[str, str], "bytes | None"], Came]
"""Sends method, path, headers and body."""


class PowerClient:
    """Runs the operations of a connector.

    Args:
        definition: What stands in the file.
        send: Carries requests.
        key: What was pasted when the connection was made.
    """

    def __init__(self, definition: Json, send: Send, *, key: str) -> None:
        self.definition = definition
        self._send = send
        (scheme,) = definition["securityDefinitions"].values()
        assert (scheme["type"], scheme["in"]) == ("apiKey", "header")
        self._headers = {scheme["name"]: key, "accept": definition["produces"][0]}
        self.operations: dict[str, tuple[str, str, Json]] = {
            spec["operationId"]: (method.upper(), path, spec)
            for path, methods in definition["paths"].items()
            for method, spec in methods.items()
        }
        self.polls = 0
        self.sent: list[str] = []

    @property
    def actions(self) -> list[str]:
        """Ids of the operations that are offered to people."""
        return [
            id for id, (_, _, spec) in self.operations.items() if spec.get("x-ms-visibility") != "internal"
        ]

    def form(self, id: str) -> Json:
        """Return the schema of the fields of an operation."""
        (body,) = [one for one in self.operations[id][2]["parameters"] if one["in"] == "body"]
        schema: Json = body["schema"]
        return schema

    def fill(self, id: str) -> Json:
        """Return a filled form: what is shown first, with the first row of dropdowns and the first choice."""
        form = self.form(id)
        filled = {
            name: self._value(id, name, told)
            for name, told in form.get("properties", {}).items()
            if self._resolve(told).get("x-ms-visibility") == "important"
        }
        assert value_problems(filled, form, self.definition["definitions"]) == []
        return filled

    def _value(self, id: str, name: str, told: Json) -> Any:
        told = self._resolve(told)
        if "x-ms-dynamic-list" in told:
            return self.rows(id, name)[0][0]
        if "enum" in told:
            return told["enum"][0]
        kind = told.get("type")
        if kind == "object":
            needed = told.get("required", ())
            return {one: self._value(id, one, told["properties"][one]) for one in needed}
        if kind == "array":
            return [self._value(id, name, told["items"])]
        if told.get("format") == "byte":
            return "aGVsbG8="
        if told.get("pattern") == "^https://":
            return "https://example.com/"
        return {"integer": 1, "number": 0.5, "boolean": True}.get(str(kind), "text")

    def rows(self, id: str, name: str) -> list[tuple[str, str]]:
        """Return the rows of a dropdown; both ways in which it is told have to give the same."""
        told = self._resolve(self.form(id)["properties"][name])
        old, new = told["x-ms-dynamic-values"], told["x-ms-dynamic-list"]
        first = self._rows(old["operationId"], old.get("parameters", {}), old["value-collection"])
        given = {key: one["value"] for key, one in new.get("parameters", {}).items()}
        second = self._rows(new["operationId"], given, new["itemsPath"])
        rows = [(row[old["value-path"]], row[old["value-title"]]) for row in first]
        assert rows == [(row[new["itemValuePath"]], row[new["itemTitlePath"]]) for row in second]
        return rows

    def _rows(self, id: str, given: Mapping[str, Any], collection: str) -> list[Json]:
        known = {one["name"] for one in self.operations[id][2].get("parameters", ())}
        assert set(given) <= known
        found: list[Json] = self.call(id, query=given).json()[collection]
        return found

    def run(self, id: str, body: Any, **headers: str) -> Came:
        """Call an operation, and look where it leads until the answer is there."""
        came = self.call(id, body, headers=headers)
        told, ends_at = self.operations[id][2]["responses"], time.monotonic() + SOON_S
        while came.status == 202:
            assert time.monotonic() < ends_at, "it did not end in time"
            self._headers_are_told(told["202"], came)
            threading.Event().wait(0.05)  # in place of the seconds of Retry-After
            self.polls += 1
            came = self._send("GET", _path_of(came.headers["location"]), self._headers, None)
            self._judge(id, came)
        return came

    def call(
        self,
        id: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Came:
        """Call an operation, and judge its answer by the file."""
        method, path, spec = self.operations[id]
        asked = dict(query or {})
        for one in spec.get("parameters", ()):
            if one["in"] == "query" and "default" in one:
                asked.setdefault(one["name"], one["default"])
            assert not (one["in"] == "query" and one.get("required") and one["name"] not in asked)
        address = self.definition["basePath"].rstrip("/") + path + (f"?{urlencode(asked)}" if asked else "")
        sent = {**self._headers, **(headers or {})}
        self.sent.append(address)
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            sent["content-type"] = self.definition["consumes"][0]
        came = self._send(method, address, sent, content)
        self._judge(id, came)
        return came

    def _judge(self, id: str, came: Came) -> None:
        told = self.operations[id][2]["responses"]
        response = told.get(str(came.status), told["default"])
        if "schema" in response:
            problems = value_problems(came.json(), response["schema"], self.definition["definitions"])
            assert problems == [], (id, came.status, problems)

    def _headers_are_told(self, response: Json, came: Came) -> None:
        missing = [name for name in response["headers"] if name.lower() not in came.headers]
        assert missing == []

    def _resolve(self, schema: Json) -> Json:
        name = schema.get("$ref", "").rpartition("/")[2]
        found: Json = self.definition["definitions"][name] if name else schema
        return found


def _path_of(location: str) -> str:
    parts = urlsplit(location)
    return parts.path + (f"?{parts.query}" if parts.query else "")
