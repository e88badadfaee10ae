"""A tiny n8n: makes the request that an HTTP Request node would make, and refuses what it does not know."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

WORKFLOW_ID = "w0rkfl0wAbc"
_EXPRESSION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FROM_ITEM = re.compile(r"\s*JSON\.stringify\(\$json\.(\w+) \?\? (\".*\")\)\s*", re.DOTALL)
_PARAMETERS = {
    "method",
    "url",
    "authentication",
    "genericAuthType",
    "sendQuery",
    "queryParameters",
    "sendHeaders",
    "headerParameters",
    "sendBody",
    "contentType",
    "specifyBody",
    "jsonBody",
    "options",
}
_OPTIONS = {"timeout", "response", "sendCredentialsOnCrossOriginRedirect"}


def evaluate(value: str, item: dict[str, Any]) -> str:
    """Return the value of a parameter for the item that comes in."""
    if not value.startswith("="):
        return value
    return _EXPRESSION.sub(lambda match: _evaluate_one(match[1], item), value[1:])


def _evaluate_one(expression: str, item: dict[str, Any]) -> str:
    if expression.strip() == "$workflow.id":
        return WORKFLOW_ID
    match = _FROM_ITEM.fullmatch(expression)
    assert match, expression
    value = item.get(match[1])
    return json.dumps(json.loads(match[2]) if value is None else value)


def make_request(
    node: dict[str, Any], item: dict[str, Any], credentials: dict[str, dict[str, str]]
) -> httpx.Request:
    """Return the request of a node.

    Args:
        node: The node.
        item: Item that comes in.
        credentials: Header Auth credentials by their names: each has a ``name`` and a ``value``.
    """
    assert (node["type"], node["typeVersion"]) == ("n8n-nodes-base.httpRequest", 4.2)
    told = node["parameters"]
    assert set(told) <= _PARAMETERS
    assert set(told["options"]) <= _OPTIONS
    assert (told["authentication"], told["genericAuthType"]) == ("genericCredentialType", "httpHeaderAuth")
    credential = credentials[node["credentials"]["httpHeaderAuth"]["name"]]
    headers = {"accept": "application/json,text/*;q=0.99"}
    if told.get("sendHeaders"):
        headers |= {name.lower(): value for name, value in _pairs(told["headerParameters"], item)}
    headers[credential["name"]] = credential["value"]
    query = _pairs(told["queryParameters"], item) if told.get("sendQuery") else ()
    assert (told["sendBody"], told["contentType"], told["specifyBody"]) == (True, "json", "json")
    body = json.loads(evaluate(told["jsonBody"], item))
    return httpx.Request(
        told["method"],
        evaluate(told["url"], item),
        params=httpx.QueryParams(query),
        headers=headers,
        json=body,
        extensions={"timeout": httpx.Timeout(told["options"]["timeout"] / 1000).as_dict()},
    )


def _pairs(told: dict[str, Any], item: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((one["name"], evaluate(one["value"], item)) for one in told["parameters"])
