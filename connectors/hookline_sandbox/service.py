"""A simulated OpenAI service: no account, no cost, and the same answer to the same request."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import unquote

import orjson

from hookline_sandbox.answer import SandboxAnswer, json_answer, stream_answer
from hookline_sandbox.chat import complete_chat
from hookline_sandbox.completions import complete
from hookline_sandbox.edits import edit
from hookline_sandbox.embeddings import embed
from hookline_sandbox.errors import ApiError, CutConnection
from hookline_sandbox.exchange import Exchange, Outcome
from hookline_sandbox.faults import FAULT_HEADER, FAULT_MODEL_PREFIX, Fault, parse_fault
from hookline_sandbox.models import describe_model, list_models, own_model_ids
from hookline_sandbox.moderations import moderate
from hookline_sandbox.repetition import FaultCounter
from hookline_sandbox.wire import JsonObject, derive

__all__ = ["CutConnection", "Sandbox", "SandboxAnswer"]

_ENDPOINTS: Mapping[str, Callable[[Exchange], Outcome]] = {
    "/v1/chat/completions": complete_chat,
    "/v1/completions": complete,
    "/v1/edits": edit,
    "/v1/embeddings": embed,
    "/v1/moderations": moderate,
}
_MODELS = "/v1/models"
_REQUEST_ID = "x-client-request-id"

_RATE_HEADERS = {
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-limit-tokens": "2000000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-remaining-tokens": "1999900",
    "x-ratelimit-reset-requests": "6ms",
    "x-ratelimit-reset-tokens": "3ms",
}


class Sandbox:
    """The service; keeps nothing between requests but a count, so one object serves any number of threads.

    Args:
        sleep: Waits so many seconds where a fault asks for it; what it raises ends the answer.
        now: Returns the Unix time, for time stamps and for the day on which models are looked up.
        counter: Knows how often requests met a fault that passes; a new one by default.
    """

    def __init__(
        self,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
        counter: FaultCounter | None = None,
    ) -> None:
        self._sleep = sleep
        self._now = now
        self._counter = counter or FaultCounter()

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> SandboxAnswer:
        """Answer one request.

        Args:
            method: HTTP method in upper case.
            path: Path from ``/v1`` on; a query string is ignored.
            headers: Header values by lower-case name.
            body: The request body.

        Returns:
            The answer; every refusal of the simulated service is one, too.
        """
        route = path.partition("?")[0]
        digest = derive(method, route, body)
        try:
            answer, has_rate_headers = self._answer(method, route, headers, body, digest), True
        except ApiError as exc:
            answer, has_rate_headers = _refuse(exc), exc.has_rate_headers
        common = {
            "x-request-id": f"req_{digest[:32]}",
            "openai-processing-ms": "1",
            "openai-version": "2020-10-01",
            "openai-organization": "sandbox",
            **(_RATE_HEADERS if has_rate_headers else {}),
            "x-sandbox": "simulated",
        }
        own = {name for name, _ in answer.headers}
        lines = [*answer.headers, *(line for line in common.items() if line[0] not in own)]
        return replace(answer, headers=lines)

    def _answer(
        self, method: str, route: str, headers: Mapping[str, str], body: bytes, digest: str
    ) -> SandboxAnswer:
        id = headers.get(_REQUEST_ID) or digest
        asked = parse_fault(headers[FAULT_HEADER].strip()) if headers.get(FAULT_HEADER) else None
        fault = self._unless_passed(asked, route, id)
        request: JsonObject = {}
        if fault is None or fault.early is None:
            _check_route(method, route)
            if method == "POST":
                request = _parse(body)
            if asked is None:
                fault = self._unless_passed(_fault_of_model(request.get("model")), route, id)
        if fault is None:
            return self._serve(route, request, digest)
        if fault.delay_s:
            self._sleep(fault.delay_s)
        if fault.early is not None:
            return fault.early(route, self._now())
        try:
            proper = self._serve(route, request, digest)
        except ApiError as exc:
            proper = _refuse(exc)
        return fault.change(proper, self._sleep)

    def _unless_passed(self, fault: Fault | None, route: str, id: str) -> Fault | None:
        """Return a fault, or None if this request has met it as often as was asked for."""
        if fault is None or fault.times is None:
            return fault
        return fault if self._counter.meets(derive(id, route, fault.name), times=fault.times) else None

    def _serve(self, route: str, request: JsonObject, digest: str) -> SandboxAnswer:
        exchange = Exchange(body=request, digest=digest, created=int(self._now()))
        if route in _ENDPOINTS:
            outcome = _ENDPOINTS[route](exchange)
            if outcome.events is not None:
                return stream_answer(outcome.events)
            return json_answer(200, outcome.body or {})
        if route == _MODELS:
            return json_answer(200, {"object": "list", "data": list(list_models(exchange.today))})
        return json_answer(200, describe_model(unquote(route.removeprefix(f"{_MODELS}/")), exchange.today))


def _refuse(error: ApiError) -> SandboxAnswer:
    return json_answer(error.status, error.body, headers=error.headers)


def _check_route(method: str, route: str) -> None:
    if route in _ENDPOINTS:
        allowed = "POST"
    elif route == _MODELS or (route.startswith(f"{_MODELS}/") and len(route) > len(_MODELS) + 1):
        allowed = "GET"
    else:
        raise ApiError(f"Invalid URL ({method} {route})", status=404)
    if method != allowed:
        raise ApiError(
            f"Not allowed to {method} on {route}. (HINT: Perhaps you meant to use a different HTTP method?)",
            status=405,
            headers={"allow": allowed},
        )


def _parse(body: bytes) -> JsonObject:
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        parsed = None
    if not isinstance(parsed, dict):
        raise ApiError("We could not parse the JSON body of your request. The API expects a JSON object.")
    return parsed


def _fault_of_model(model: object) -> Fault | None:
    if not isinstance(model, str) or not model.startswith(FAULT_MODEL_PREFIX) or model in own_model_ids():
        return None
    return parse_fault(model.removeprefix(FAULT_MODEL_PREFIX))
