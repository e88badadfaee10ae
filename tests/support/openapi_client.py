"""A client that knows nothing but an OpenAPI document: it calls what stands there, and judges every answer.

It imports nothing of Hookline, so what it can do, anybody can who was handed the document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema

Send = Callable[[str, str, Mapping[str, str], bytes | None], "Answered"]
"""Sends method, path, headers and body."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0]


@dataclass(frozen=True, kw_only=True)
class Described:
    """One operation of the document."""

    id: str
    method: str
    path: str
    spec: Mapping[str, Any] = field(repr=False)


class OpenApiClient:
    """Calls the operations of a document.

    Args:
        document: The document, and all there is to know.
        send: Carries requests.
        key: Credential for the first security scheme.
    """

    def __init__(self, document: Mapping[str, Any], send: Send, *, key: str) -> None:
        self.document = document
        self._send = send
        self.key = key
        self._base = re.sub(r"^https?://[^/]+", "", document["servers"][0]["url"])
        self.operations = {one.id: one for one in self._read()}

    def _read(self) -> Iterator[Described]:
        for path, methods in self.document["paths"].items():
            for method, spec in methods.items():
                yield Described(id=spec["operationId"], method=method.upper(), path=path, spec=spec)

    def resolve(self, value: Any) -> Any:
        """Return what a reference of the document leads to."""
        while isinstance(value, dict) and "$ref" in value:
            found: Any = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            value = found
        return value

    def examples(self, id: str) -> list[Any]:
        """Return the bodies that the document shows for an operation; one None if it takes none."""
        body = self.operations[id].spec.get("requestBody")
        if body is None:
            return [None]
        media = body["content"]["application/json"]
        found = [one["value"] for one in media.get("examples", {}).values()]
        return found or [media["example"]]

    def call(
        self, id: str, body: Any = None, *, check: bool = True, key: str | None = None, **parameters: str
    ) -> Answered:
        """Call an operation, and judge its answer by the document.

        Args:
            id: Its operationId.
            body: JSON of the body.
            check: Whether the body is judged before it is sent.
            key: Another credential than the client's own.
            parameters: Values by name; ``-`` is written ``_``.
        """
        operation = self.operations[id]
        path, query = operation.path, {}
        headers = self._authorize(self.key if key is None else key)
        for told in map(self.resolve, operation.spec.get("parameters", [])):
            value = parameters.pop(told["name"].replace("-", "_"), None)
            if value is None:
                assert not told["required"], f"{id} needs {told['name']}"
                continue
            if told["in"] == "path":
                path = path.replace("{" + told["name"] + "}", quote(value, safe=""))
            elif told["in"] == "query":
                query[told["name"]] = value
            else:
                headers[told["name"]] = value
        assert not parameters, f"{id} has no parameter {', '.join(parameters)}"
        content = None
        if body is not None:
            if check:
                self.judge(body, operation.spec["requestBody"]["content"]["application/json"]["schema"])
            content = json.dumps(body).encode()
            headers["content-type"] = "application/json"
        address = self._base + path + ("?" + urlencode(query) if query else "")
        answer = self._send(operation.method, address, headers, content)
        self._judge_answer(operation, answer)
        return answer

    def follow(self, id: str, answer: Answered, link: str) -> Answered:
        """Call the operation that an answer leads to by one of its links."""
        told = self.resolve(self.operations[id].spec["responses"][str(answer.status)])["links"][link]
        parameters = {}
        for name, expression in told["parameters"].items():
            pointer = expression.removeprefix("$response.body#/")
            assert pointer != expression, expression
            parameters[name] = answer.json()[pointer]
        return self.call(told["operationId"], **parameters)

    def judge(self, value: Any, schema: Mapping[str, Any]) -> None:
        """Raise unless a value fits a schema of the document."""
        whole = {**schema, "components": self.document["components"]}
        validator = jsonschema.Draft202012Validator(whole)
        validator.validate(value)

    def _judge_answer(self, operation: Described, answer: Answered) -> None:
        responses = operation.spec["responses"]
        told = self.resolve(responses.get(str(answer.status), responses.get("default")))
        assert told is not None, f"{operation.id} says nothing of {answer.status}"
        content = told.get("content", {})
        assert answer.media_type in content, f"{operation.id} answered {answer.status} {answer.media_type}"
        if answer.media_type.endswith("json"):
            self.judge(answer.json(), content[answer.media_type]["schema"])

    def _authorize(self, key: str) -> dict[str, str]:
        (name,) = self.document["security"][0]
        scheme = self.document["components"]["securitySchemes"][name]
        assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
        return {"Authorization": f"Bearer {key}"}
