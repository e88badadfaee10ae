"""The requests of a Postman collection: actions with saved answers, rows of dropdowns, and reads."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from hookline.action import Sample
from hookline.errors import AuthenticationError, HooklineError, InvalidInputError
from hookline.exports.json_text import stable_id, write_json
from hookline.exports.targets.postman.field_table import describe_fields, plain
from hookline.exports.wording import shorten
from hookline.problems import PROBLEM_JSON, describe_error

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.exports.blueprint import ActionBlueprint, RouteBlueprint, SourceBlueprint

SERVER = "hookline_url"
KEY = "hookline_key"
"""Variables of the collection; plain names would be overridden by those of an environment."""

_CALL_ID = "call_000000000000000000000000"
_JSON = "application/json"
_MOST_NAME = 80


def describe_action(action: ActionBlueprint) -> list[JsonObject]:
    """Return a request for each sample of an action, or one that is made from its schema."""
    samples = action.samples or (
        Sample(title="Answer", input=action.sample_input, output=action.sample_output),
    )
    title = shorten(action.title, _MOST_NAME)
    requests: list[JsonObject] = []
    for number, sample in enumerate(samples):
        request = _post(action, sample.input)
        saved = [_answer(action, sample, request, number)]
        if number == 0:
            saved.append(_error(action))
        requests.append(
            {
                "id": stable_id("postman", action.id, str(number)),
                "name": title if number == 0 else f"{title}: {shorten(sample.title, _MOST_NAME)}",
                "request": request,
                "response": saved,
            }
        )
    return requests


def describe_source(source: SourceBlueprint, query: tuple[tuple[str, str], ...]) -> JsonObject:
    """Return a request for the rows of a dropdown, as a field asks for them."""
    told = ", ".join(f"{name}={value}" for name, value in query)
    given = [_parameter(quote(name, safe=""), quote(value, safe="")) for name, value in query]
    named = {name for name, _ in query}
    more = [_parameter(name, "", is_off=True) for name in source.parameters if name not in named]
    more += [
        _parameter("q", "", "Only rows whose id or name contains this.", is_off=True),
        _parameter("limit", "100", "Most rows of one answer.", is_off=True),
        _parameter("cursor", "", "The next_cursor of an earlier answer.", is_off=True),
    ]
    return {
        "id": stable_id("postman", "options", source.id, told),
        "name": f"{source.title} ({told})" if told else source.title,
        "request": {
            "method": "GET",
            "header": [],
            "url": _url(source.path, [*given, *more]),
            "description": f"Rows of the dropdown {plain(source.title)}: `id` goes into the field.",
        },
        "response": [],
    }


def describe_get(route: RouteBlueprint) -> JsonObject:
    """Return a request that reads something of the gateway itself."""
    told = route.operation
    parameters = [
        _parameter(one.name, "", one.description, is_off=True)
        for one in told.parameters
        if not one.is_in_path
    ]
    return {
        "id": stable_id("postman", "route", told.id),
        "name": told.title,
        "request": {
            "method": "GET",
            "header": [],
            "url": _url(route.path, parameters),
            "description": plain(told.description),
        },
        "response": [],
    }


def _post(action: ActionBlueprint, input: JsonObject, *, without_key: bool = False) -> JsonObject:
    parts = [plain(action.description), describe_fields(action)]
    request: JsonObject = {
        "method": "POST",
        "header": [{"key": "Content-Type", "value": _JSON}],
        "body": {"mode": "raw", "raw": write_json(input), "options": {"raw": {"language": "json"}}},
        "url": _url(action.path, []),
        "description": "\n\n".join(part for part in parts if part),
    }
    return {"auth": {"type": "noauth"}, **request} if without_key else request


def _answer(action: ActionBlueprint, sample: Sample, request: JsonObject, number: int) -> JsonObject:
    output = action.sample_output if number == 0 else sample.output
    return {
        "id": stable_id("postman", action.id, str(number), "answer"),
        "name": sample.title,
        "originalRequest": request,
        "status": "OK",
        "code": 200,
        "_postman_previewlanguage": "json",
        "header": [{"key": "Content-Type", "value": _JSON}],
        "cookie": [],
        "body": write_json(output),
    }


def _error(action: ActionBlueprint) -> JsonObject:
    """Return what an empty body gets if a field is needed, and else what a call without a key gets."""
    needed = next((field.name for field in action.fields if field.is_required), None)
    error: HooklineError
    if needed is None:
        error = AuthenticationError("This request carries no valid API key.")
        request = _post(action, action.sample_input, without_key=True)
    else:
        rest = {name: value for name, value in action.sample_input.items() if name != needed}
        request = _post(action, rest)
        error = InvalidInputError(
            f"`{needed}` is required.",
            field=needed,
            details={"problems": [{"field": needed, "message": "is required"}]},
        )
    return {
        "id": stable_id("postman", action.id, "error"),
        "name": error.title,
        "originalRequest": request,
        "status": "Unauthorized" if error.status == 401 else "Unprocessable Entity",
        "code": error.status,
        "_postman_previewlanguage": "json",
        "header": [{"key": "Content-Type", "value": PROBLEM_JSON}],
        "cookie": [],
        "body": write_json(describe_error(error, call_id=_CALL_ID)),
    }


def _url(path: str, query: list[JsonObject]) -> JsonObject:
    shown = "&".join(f"{one['key']}={one['value']}" for one in query if not one.get("disabled"))
    address: JsonObject = {
        "raw": f"{{{{{SERVER}}}}}{path}" + (f"?{shown}" if shown else ""),
        "host": [f"{{{{{SERVER}}}}}"],
        "path": path.strip("/").split("/"),
    }
    return {**address, "query": query} if query else address


def _parameter(name: str, value: str, about: str = "", *, is_off: bool = False) -> JsonObject:
    parameter: JsonObject = {"key": name, "value": value}
    if about:
        parameter["description"] = about
    return {**parameter, "disabled": True} if is_off else parameter
