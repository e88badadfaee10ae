"""What the demonstration does, step by step, and how it tells whether the gateway kept its promises."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from hookline.cli.examples import first_input, is_streaming, pick_example
from hookline.engine.field_rows import branches_of

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.cli.demo_client import DemoClient, Received

_SUMMARY_LENGTH = 56


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What one step did.

    Attributes:
        name: What was tried.
        status: HTTP status of the answer.
        elapsed_ms: How long it took, in milliseconds.
        summary: What came back, in short.
        problem: What was not as promised; empty if all was.
    """

    name: str
    status: int
    elapsed_ms: float
    summary: str
    problem: str = ""


def read_catalog(client: DemoClient) -> tuple[list[JsonObject], list[Step]]:
    """Return every action with its schemas and samples, and a failed step for each without."""
    listed = client.get("/actions")
    if listed.status != 200:
        return [], [_failed_reading("GET /actions", listed)]
    found: list[JsonObject] = []
    failed = []
    for action in cast("list[JsonObject]", (listed.body or {}).get("actions", [])):
        received = client.get(str(action["href"]))
        if received.status == 200 and received.body is not None:
            found.append(received.body)
        else:
            failed.append(_failed_reading(f"GET {action['href']}", received))
    return found, failed


def _failed_reading(name: str, received: Received) -> Step:
    return Step(
        name=name,
        status=received.status,
        elapsed_ms=received.elapsed_ms,
        summary=_detail(received.body),
        problem=f"answered {received.status} instead of 200 with a description: {_detail(received.body)}",
    )


def run_action(client: DemoClient, action: JsonObject) -> Step:
    """Run one action with its first sample, and check the output against the action's schema."""
    received = client.post(str(action["href"]), first_input(action))
    problem = ""
    if received.status != 200:
        problem = f"answered {received.status} instead of 200: {_detail(received.body)}"
    elif received.body is None:
        problem = "answered something that is not a JSON object"
    else:
        problem = _misfit(received.body, action)
    return Step(
        name=str(action["id"]),
        status=received.status,
        elapsed_ms=received.elapsed_ms,
        summary=summarise(received.body or {}),
        problem=problem,
    )


def run_stream(client: DemoClient, action: JsonObject, show: Callable[[str], None]) -> Step:
    """Run an action as a stream.

    Args:
        client: Calls the gateway.
        action: One that can stream.
        show: Called with each piece of text when it arrives.
    """
    started = time.perf_counter()
    status, events = client.stream(str(action["href"]), {**first_input(action), "stream": True})
    pieces: list[str] = []
    output: JsonObject | None = None
    failure = ""
    for event in events:
        if event.get("type") == "text":
            pieces.append(str(event.get("text")))
            show(pieces[-1])
        elif event.get("type") == "output":
            output = cast("JsonObject", event.get("output"))
        elif event.get("type") == "error" or status != 200:
            failure = f"broke off: {_detail(event)}"
    elapsed_ms = (time.perf_counter() - started) * 1000
    if not failure and len(pieces) < 2:
        failure = f"sent {len(pieces)} pieces of text; a stream has several"
    if not failure:
        failure = "did not end with the whole output" if output is None else _misfit(output, action)
    summary = f"{len(pieces)} pieces of text, then the whole output"
    return Step(
        name=f"{action['id']} as a stream",
        status=status,
        elapsed_ms=elapsed_ms,
        summary=summary,
        problem=failure,
    )


def run_mistake(client: DemoClient, action: JsonObject) -> tuple[Step, JsonObject] | None:
    """Send something wrong on purpose; the answer must be 422 and name the field.

    Returns:
        The step and the answer's body, or None if the action takes anything.
    """
    mistake = make_mistake(action)
    if mistake is None:
        return None
    field, words, body = mistake
    received = client.post(str(action["href"]), body)
    answer = received.body or {}
    problem = ""
    if received.status != 422:
        problem = f"answered {received.status} instead of 422: {_detail(answer)}"
    elif answer.get("field") != field:
        problem = f"named the field {answer.get('field')!r} instead of {field!r}"
    step = Step(
        name=f"{action['id']} with {words}",
        status=received.status,
        elapsed_ms=received.elapsed_ms,
        summary=_detail(answer),
        problem=problem,
    )
    return step, answer


def make_mistake(action: JsonObject) -> tuple[str, str, JsonObject] | None:
    """Return the field at fault, the mistake in words, and an input that holds it."""
    schema = cast("JsonObject", action["input_schema"])
    body = first_input(action)
    properties = cast("JsonObject", schema.get("properties") or {})
    for name, member in properties.items():
        for branch in branches_of(cast("JsonObject", member), schema):
            most = branch.get("maximum")
            if isinstance(most, (int, float)):
                return name, f"{name} = {most + 1}", {**body, name: most + 1}
    required = schema.get("required")
    for name in required if isinstance(required, list) else []:
        return str(name), f"no {name}", {key: value for key, value in body.items() if key != name}
    return None


def run_wire(client: DemoClient, path: str, body: JsonObject) -> Step:
    """Call an action through its service's own address, in the service's own format."""
    received = client.post(path, body)
    problem = (
        ""
        if received.status == 200
        else f"answered {received.status} instead of 200: {_detail(received.body)}"
    )
    if not problem and received.body is None:
        problem = "answered something that is not a JSON object"
    return Step(
        name=f"POST {path}",
        status=received.status,
        elapsed_ms=received.elapsed_ms,
        summary=summarise(received.body or {}),
        problem=problem,
    )


def pick_stream(actions: list[JsonObject]) -> JsonObject | None:
    """Return the action to stream, or None if none can."""
    return pick_example(action for action in actions if is_streaming(action))


def summarise(output: JsonObject) -> str:
    """Return a short line about an output."""
    text = output.get("text")
    if isinstance(text, str) and text:
        return _short(json.dumps(text, ensure_ascii=False))
    shown = {name: value for name, value in output.items() if value or name != "warnings"}
    return _short(", ".join(f"{name}: {_size(value)}" for name, value in shown.items() if value is not None))


def _size(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value)} item{'' if len(value) == 1 else 's'}"
    return "{…}" if isinstance(value, dict) else json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    return text if len(text) <= _SUMMARY_LENGTH else text[: _SUMMARY_LENGTH - 1] + "…"


def _detail(body: JsonObject | None) -> str:
    return str((body or {}).get("detail") or (body or {}).get("message") or "no reason was given")


def _misfit(output: JsonObject, action: JsonObject) -> str:
    from hookline.engine.validation import SchemaValidator

    schema = cast("JsonObject", action["output_schema"])
    problems = SchemaValidator(schema, name=f"the output of {action['id']}").problems(output)
    return f"gave an output that its schema does not allow: {problems[0]}" if problems else ""
