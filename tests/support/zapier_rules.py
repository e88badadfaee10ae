"""Rules that Zapier holds an app to, and those that ours keeps besides."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]

_KEY = re.compile(r"[a-zA-Z]+[a-zA-Z0-9_]*\Z")
_VERSION = re.compile(r"\d+\.\d+\.\d+\Z")
_DYNAMIC = re.compile(r"[a-zA-Z0-9_]+\.[a-zA-Z0-9_]+(\.[a-zA-Z0-9_]+)?\Z")
_CURLIES = re.compile(r"\{\{(.*?)\}\}")
_INPUT_TYPES = {"string", "text", "integer", "number", "boolean", "datetime", "password", "code", "json"}
_OUTPUT_TYPES = {"string", "integer", "number", "boolean", "datetime", "password"}
_EXCLUSIVE = [
    ("children", "list"),
    ("children", "type"),
    ("children", "helpText"),
    ("children", "default"),
    ("dict", "list"),
    ("dynamic", "choices"),
    ("dynamic", "dict"),
]
_OF_JAVASCRIPT = {"constructor", "hasOwnProperty", "toString", "valueOf", "isPrototypeOf", "__proto__"}
_SCOPES = {"user", "auth", "account", "action"}


def zapier_violations(app: Json) -> list[str]:
    """Return what is wrong with an app definition; empty if it may be pushed."""
    return [f"{place}: {wrong}" for place, wrong in _check_app(app)]


def _check_app(app: Json) -> Iterator[tuple[str, str]]:
    for name in ("version", "platformVersion"):
        if not _VERSION.match(str(app.get(name))):
            yield name, "has to be like 1.0.0"
    yield from _each("authentication", _check_authentication, app.get("authentication", {}))
    for kind in ("triggers", "creates"):
        for key, one in app.get(kind, {}).items():
            place = f"{kind}.{key}"
            yield from _each(place, _check_step, key, one)
            yield from _each(place, _check_fields, one["operation"], app)
            yield from _each(place, _check_request, one["operation"].get("perform"))
            if kind == "creates":
                yield from _each(place, _check_create, one["operation"])
    if "{{bundle.authData." not in str(
        app.get("requestTemplate", {}).get("headers", {}).get("Authorization")
    ):
        yield "requestTemplate", "does not send the key"
    if any(word in json.dumps(app) for word in ('"source":', '"require":', "$func$")):
        yield "app", "holds JavaScript"


def _each(place: str, check: Callable[..., Iterator[str]], *arguments: Any) -> Iterator[tuple[str, str]]:
    for wrong in check(*arguments):
        yield place, wrong


def _check_authentication(told: Json) -> Iterator[str]:
    if told.get("type") != "custom":
        yield "is not custom"
    if not str(told.get("test", {}).get("url", "")).startswith("https://"):
        yield "has no test"
    if "{{bundle.inputData." not in str(told.get("connectionLabel")):
        yield "has no label from its test"
    for field in told.get("fields", []):
        if field.get("type") != "password" or field.get("isNoSecret"):
            yield f"shows {field.get('key')}"


def _check_step(key: str, step: Json) -> Iterator[str]:
    if not _KEY.match(key) or len(key) < 2:
        yield "has a key that Zapier refuses"
    if step.get("key") != key:
        yield "has another key inside"
    if not 2 <= len(step.get("noun", "")) <= 255:
        yield "has no noun of 2 to 255 characters"
    display = step.get("display", {})
    if not 2 <= len(display.get("label", "")) <= 64:
        yield "has no label of 2 to 64 characters"
    if not 1 <= len(display.get("description", "")) <= 1000:
        yield "has no description of 1 to 1000 characters"
    if not step["operation"].get("sample"):
        yield "has an empty sample"
    for text in (*display.values(), step.get("noun")):
        if isinstance(text, str) and _CURLIES.search(text):
            yield "has a template in its texts"


def _check_fields(operation: Json, app: Json) -> Iterator[str]:
    groups = [one["key"] for one in operation.get("inputFieldGroups", [])]
    if len(set(groups)) < len(groups) or not all(_KEY.match(one) and len(one) > 1 for one in groups):
        yield "has groups that share a key, or keys that Zapier refuses"
    fields = operation.get("inputFields", [])
    keys = [field.get("key") for field in fields]
    if len(set(keys)) < len(keys):
        yield "has two fields of one key"
    for field in fields:
        for wrong in _check_field(field, groups, app):
            yield f"field {field.get('key')!r} {wrong}"
    outputs = [field.get("key") for field in operation.get("outputFields", [])]
    if len(set(outputs)) < len(outputs) or not all(outputs):
        yield "has two outputs of one key, or one without"
    for field in operation.get("outputFields", []):
        if set(field) - {"key", "label", "type", "list"} or field.get("type", "string") not in _OUTPUT_TYPES:
            yield f"output {field.get('key')!r} says what outputs cannot"


def _check_field(field: Json, groups: list[str], app: Json) -> Iterator[str]:
    key = field.get("key", "")
    if not _KEY.match(key) or "__" in key or key in _OF_JAVASCRIPT:
        yield "has no plain key"
    if field.get("type") not in _INPUT_TYPES:
        yield "has no type"
    for name, most in (("label", 250), ("helpText", 1000), ("placeholder", 250), ("default", 100_000)):
        text = field.get(name, "text")
        if not isinstance(text, str) or not 1 <= len(text) <= most:
            yield f"has no text as {name}, or one that is too long"
        elif _CURLIES.search(text):
            yield f"has a template as {name}"
    for one, other in _EXCLUSIVE:
        if field.get(one) and field.get(other):
            yield f"has {one} and {other}"
    if field.get("group", groups[0] if groups else None) not in [*groups, None]:
        yield "is in no known group"
    if "dynamic" in field:
        trigger = app["triggers"].get(field["dynamic"].partition(".")[0])
        if not _DYNAMIC.match(field["dynamic"]) or trigger is None:
            yield "has a dropdown that nothing fills"
        elif not trigger["display"].get("hidden"):
            yield "has a dropdown that starts zaps"
    if "choices" in field and (not field["choices"] or not all(map(_is_choice, field["choices"]))):
        yield "has choices that are no texts"


def _is_choice(one: object) -> bool:
    if isinstance(one, dict):
        return all(isinstance(one.get(name), str) and one[name] for name in ("value", "sample", "label"))
    return isinstance(one, str) and bool(one)


def _check_request(request: object) -> Iterator[str]:
    if not isinstance(request, dict):
        yield "has no request"
        return
    if not str(request.get("url", "")).startswith("https://") or _CURLIES.search(request["url"]):
        yield "has no plain address"


def _check_create(operation: Json) -> Iterator[str]:
    request = operation.get("perform")
    if not isinstance(request, dict):
        return
    if request.get("method") != "POST":
        yield "does not post"
    if request.get("removeMissingValuesFrom") != {"body": True}:
        yield "sends what is not filled in"
    body = request.get("body", {})
    sent = [
        match.group(1).removeprefix("bundle.inputData.")
        for value in body.values()
        if isinstance(value, str) and (match := _CURLIES.fullmatch(value))
    ]
    if len(sent) < len(body):
        yield "sends what is no field: Zapier removes only whole values that are missing"
    if sorted(sent) != sorted(field.get("key") for field in operation.get("inputFields", [])):
        yield "does not send each field once"
    throttle = operation.get("throttle", {})
    if not isinstance(throttle.get("limit"), int) or not set(throttle.get("scope", ["none"])) <= _SCOPES:
        yield "has no throttle"
