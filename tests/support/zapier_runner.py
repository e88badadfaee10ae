"""Runs the steps of an exported Zapier app as Zapier does: templates filled with what people type, then sent.

What is filled in follows ``zapier-platform-core``: a template that is a whole value keeps a list, everything
else becomes text; what stays a template afterwards is taken out of the body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from werkzeug.test import Client, TestResponse

_CURLIES = re.compile(r"\{\{(.*?)\}\}")


class ZapierStepError(Exception):
    """What Zapier shows when a step is refused."""


class ZapierRunner:
    """An account of Zapier that has the app.

    Args:
        app: The app definition.
        client: Client of the gateway.
        key: The API key that was typed.
    """

    def __init__(self, app: Mapping[str, Any], client: Client, *, key: str) -> None:
        self._app = app
        self._client = client
        self._auth = {"api_key": key}

    def connect(self) -> str:
        """Try the key and return the name of the connection."""
        told = self._app["authentication"]
        account = self._send(told["test"], {})
        return str(self._fill(told["connectionLabel"], account))

    def rows(self, field: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the rows of a field's dropdown: what goes into it, and what is shown."""
        trigger, value, label = field["dynamic"].split(".")
        found = self._send(self._app["triggers"][trigger]["operation"]["perform"], {})
        assert isinstance(found, list)
        return [(row[value], row[label]) for row in found]

    def type_in(self, key: str, input: Mapping[str, Any]) -> dict[str, Any]:
        """Return what somebody types into a step's fields so that an action gets an input."""
        operation = self._app["creates"][key]["operation"]
        fields = {field["key"]: field for field in operation["inputFields"]}
        keys = {
            name: value[len("{{bundle.inputData.") : -2]
            for name, value in operation["perform"]["body"].items()
        }
        typed: dict[str, Any] = {}
        rest: dict[str, Any] = {}
        for name, value in input.items():
            field = fields.get(keys.get(name, ""))
            if field is None or (
                isinstance(value, list) and field["type"] == "string" and not field.get("list")
            ):
                rest[name] = value
            elif field.get("list"):
                typed[field["key"]] = [_text(one) for one in value]
            else:
                typed[field["key"]] = _text(value)
        return {**typed, "raw_json": json.dumps(rest)} if rest else typed

    def run(self, key: str, typed: Mapping[str, Any]) -> Any:
        """Run a step and return what comes out.

        Raises:
            ZapierStepError: If it is refused; says what people read.
        """
        operation = self._app["creates"][key]["operation"]
        unknown = set(typed) - {field["key"] for field in operation["inputFields"]}
        assert not unknown, f"the form has no {unknown}"
        assert all(typed.get(field["key"]) for field in operation["inputFields"] if field["required"])
        return self._send(operation["perform"], typed)

    def _send(self, request: Mapping[str, Any], typed: Mapping[str, Any]) -> Any:
        url = urlsplit(request["url"])
        headers = {**self._app["requestTemplate"]["headers"], **request.get("headers", {})}
        body = {name: self._fill(value, typed) for name, value in request.get("body", {}).items()}
        if request.get("removeMissingValuesFrom", {}).get("body"):
            body = {name: value for name, value in body.items() if not _is_missing(value)}
        answer = self._client.open(
            f"{url.path}?{url.query}",
            method=request.get("method", "GET"),
            base_url=f"{url.scheme}://{url.netloc}",
            headers={name: str(self._fill(value, {})) for name, value in headers.items()},
            data=json.dumps(body) if request.get("method") == "POST" else None,
        )
        return _read(answer)

    def _fill(self, value: Any, typed: Mapping[str, Any]) -> Any:
        bank = {f"bundle.inputData.{name}": one for name, one in typed.items()}
        bank |= {f"bundle.authData.{name}": one for name, one in self._auth.items()}
        whole = _CURLIES.fullmatch(value)
        if whole:
            found = bank.get(whole.group(1), value)
            return found if isinstance(found, list) else _text(found)
        return _CURLIES.sub(lambda match: str(bank.get(match.group(1), match.group(0))), value)


def paths_in(sample: Any, key: str) -> list[Any]:
    """Return the values at a path such as ``usage__total_tokens`` or ``choices[]text``."""
    found = [sample]
    for step in re.split(r"(\[\]|__)", key):
        if step == "[]":
            found = [one for value in found if isinstance(value, list) for one in value]
        elif step != "__":
            found = [value[step] for value in found if isinstance(value, dict) and step in value]
    return found


def _is_missing(value: object) -> bool:
    return isinstance(value, str) and bool(value) and not _CURLIES.sub("", value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _read(answer: TestResponse) -> Any:
    if answer.status_code > 300:
        told = answer.get_json(force=True)
        raise ZapierStepError(f"{answer.status_code}: {told['message']}")
    return answer.get_json(force=True)
