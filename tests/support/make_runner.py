"""Runs the modules of an exported Make app: expressions filled in, requests sent, answers read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from werkzeug.test import Client, TestResponse

_IML = re.compile(r"\{\{(.*?)\}\}")
_IF = re.compile(r"if\((?P<path>[\w.]+) = false, '(?P<yes>\w+)', '(?P<no>\w+)'\)")
_IFEMPTY = re.compile(r"ifempty\((?P<path>[\w.]+), '(?P<text>[^']*)'\)")
_OMIT = re.compile(r"omit\((?P<path>[\w.]+), (?P<names>.*)\)")
_MISSING = object()


class MakeModuleError(Exception):
    """What Make shows when a module fails.

    Args:
        kind: Its type, which decides what Make does next.
        message: What people read.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


class MakeRunner:
    """A team of Make that has the app.

    Args:
        files: The app's files.
        client: Client of the gateway.
        key: The API key that was typed.
    """

    def __init__(self, files: Mapping[str, Any], client: Client, *, key: str) -> None:
        self._files = files
        self._client = client
        self._key = key

    def connect(self) -> str:
        """Try the key and return the name of the connection."""
        request = self._files["connections/hookline/api.imljson"]
        told = {"parameters": {"apiKey": self._key}}
        status, body = self._send(request, told)
        return str(
            _fill(request["response"]["metadata"]["value"], {**told, "body": body, "statusCode": status})
        )

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Return the rows that a remote procedure gives."""
        base, request = self._files["base.imljson"], self._files[f"rpcs/{name}/api.imljson"]
        _, body = self._send(_joined(base, request), {"connection": {"apiKey": self._key}})
        response = request["response"]
        items = _fill(response["iterate"], {"body": body})[: response["limit"]]
        return [_fill(response["output"], {"item": item}) for item in items]

    def type_in(self, module: str, input: Mapping[str, Any]) -> dict[str, Any]:
        """Return what somebody types and maps so that an action gets an input: scalars as text."""
        parameters = {one["name"]: one for one in self._files[f"modules/{module}/expect.imljson"]}
        body = self._files[f"modules/{module}/api.imljson"]["body"]
        names = {} if isinstance(body, str) else {name: value[13:-2] for name, value in body.items()}
        typed: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for name, value in input.items():
            parameter = parameters.get(names.get(name, name))
            if parameter is None:
                rest[name] = value
            else:
                typed[parameter["name"]] = value if isinstance(value, list) else _text(value)
        return {**typed, "raw_json": json.dumps(rest)} if rest else typed

    def run(self, module: str, typed: Mapping[str, Any]) -> Any:
        """Run a module and return what comes out.

        Raises:
            MakeModuleError: If it fails.
        """
        parameters = self._files[f"modules/{module}/expect.imljson"]
        assert set(typed) <= {one["name"] for one in parameters}, "the form has no such parameter"
        assert all(one["name"] in typed for one in parameters if one["required"])
        request = self._files[f"modules/{module}/api.imljson"]
        told = {"connection": {"apiKey": self._key}, "parameters": dict(typed)}
        status, body = self._send(_joined(self._files["base.imljson"], request), told)
        return _fill(request["response"]["output"], {"body": body, "statusCode": status})

    def _send(self, request: Mapping[str, Any], told: Mapping[str, Any]) -> tuple[int, Any]:
        url = urlsplit(request.get("baseUrl", "") + request["url"])
        answer = self._client.open(
            f"{url.path}?{urlencode(request.get('qs', {}))}",
            method=request["method"],
            base_url=f"{url.scheme}://{url.netloc}",
            headers=_fill(request["headers"], told),
            data=json.dumps(_fill(request["body"], told)) if "body" in request else None,
            content_type="application/json",
        )
        return answer.status_code, _read(answer, request["response"]["error"])


def _joined(base: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    return {**base, **request, "response": {**base["response"], **request.get("response", {})}}


def _read(answer: TestResponse, errors: Mapping[str, Any]) -> Any:
    body = answer.get_json(force=True)
    if answer.status_code >= 400:
        told = errors.get(str(answer.status_code), errors)
        known = {"body": body, "statusCode": answer.status_code}
        raise MakeModuleError(str(_fill(told["type"], known)), str(_fill(told["message"], known)))
    return body


def _fill(value: Any, known: Mapping[str, Any]) -> Any:
    """Return a value with its expressions filled in; members whose expression has no value are left out."""
    if isinstance(value, dict):
        filled: dict[str, Any] = {}
        for name, one in value.items():
            found = _fill(one, known)
            if name == "{{...}}":
                filled |= found
            elif found is not _MISSING:
                filled[name] = found
        return filled
    if not isinstance(value, str):
        return value
    whole = _IML.fullmatch(value)
    if whole and "}}" not in whole.group(1):
        return _evaluate(whole.group(1), known)
    return _IML.sub(lambda match: _text(_evaluate(match.group(1), known)), value)


def _evaluate(expression: str, known: Mapping[str, Any]) -> Any:
    if match := _IF.fullmatch(expression):
        return match["yes"] if _look_up(match["path"], known) is False else match["no"]
    if match := _IFEMPTY.fullmatch(expression):
        found = _look_up(match["path"], known)
        return match["text"] if found in (_MISSING, None, "") else found
    if match := _OMIT.fullmatch(expression):
        left_out = set(re.findall(r"'([^']*)'", match["names"]))
        return {name: one for name, one in _look_up(match["path"], known).items() if name not in left_out}
    assert re.fullmatch(r"[\w.]+", expression), f"no expression that this knows: {expression}"
    return _look_up(expression, known)


def _look_up(path: str, known: Any) -> Any:
    for step in path.split("."):
        if not isinstance(known, Mapping) or step not in known:
            return _MISSING
        known = known[step]
    return known


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
