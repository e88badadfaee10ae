"""Checks of a connector's actions at work: every mode, input that is wrong, hooks, threads, closing."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from hookline.quality.describing import schema_problems
from hookline.testing.findings import fail, fail_if
from hookline.testing.spy import ONCE, HookSpy
from hookline.testing.suite_base import ConnectorChecks, Mode

if TYPE_CHECKING:
    from hookline.action import Action, JsonObject
    from hookline.testing.results import CallResult
    from hookline.testing.upstream import ScriptedUpstream

_THREADS = 8
_CALLS_EACH = 4
_UNKNOWN = "surely_unknown_field"
_WRONG_VALUES: dict[str, object] = {
    "string": {"not": "a text"},
    "integer": "surely no number",
    "number": "surely no number",
    "boolean": "surely neither",
    "array": {"not": "a list"},
    "object": "surely no object",
}


class RunningChecks(ConnectorChecks):
    """What happens when actions are called."""

    def test_an_action_runs_on_its_samples(
        self, checked_mode: tuple[Action, Mode], upstream: ScriptedUpstream
    ) -> None:
        """It answers plain, streamed, as a job and for several items, with an output that fits."""
        action, mode = checked_mode
        with self.open(upstream) as gateway:
            if mode == "stream" and not self.sandbox and action.code is None:
                stream = self.stream_of(action)
                if stream is None:
                    fail(
                        f"{action.id} streams, and the suite does not know what its service sends.",
                        f'Write `streams = {{"{action.id}": [{{…one event…}}, …]}}` in the suite.',
                    )
                upstream.answers_with("*", "*", stream)
            else:
                self.script(gateway, action, upstream)
            result = self.run(gateway, action, mode)
        _check_result(action, mode, result)

    def test_an_unknown_field_is_refused_by_name(
        self, checked_action: Action, upstream: ScriptedUpstream
    ) -> None:
        """A misspelt field is an error and not something that is silently left out."""
        with self.open(upstream) as gateway:
            self.script(gateway, checked_action, upstream)
            result = self.run(gateway, checked_action, fields={_UNKNOWN: 1})
        if result.error is None or result.error.field != _UNKNOWN or result.status not in (400, 422):
            fail(
                f"{checked_action.id} took the unknown field `{_UNKNOWN}`: it answered {_told(result)}.",
                'Forbid it: `model_config = ConfigDict(extra="forbid")` in the input model, or '
                '`"additionalProperties": false` in its schema.',
            )

    def test_a_wrong_type_is_refused_by_name(
        self, checked_action: Action, upstream: ScriptedUpstream
    ) -> None:
        """A value of another type is an error that names the field."""
        found = _wrong_field(checked_action.input_schema)
        if found is None:
            return
        name, value = found
        with self.open(upstream) as gateway:
            self.script(gateway, checked_action, upstream)
            result = self.run(gateway, checked_action, fields={name: value})
        error = result.error
        if error is None or not (error.field or "").startswith(name) or result.status not in (400, 422):
            fail(
                f"{checked_action.id} took {value!r} as its field `{name}`: it answered {_told(result)}.",
                f"Give `{name}` its type in the input schema; the gateway then refuses what is of another.",
            )

    def test_hooks_run_exactly_once_for_a_call(
        self, checked_action: Action, upstream: ScriptedUpstream
    ) -> None:
        """Checks, limits and records of other plugins see every call, and see it once."""
        spy = HookSpy()
        with self.open(upstream, spy=spy) as gateway:
            self.script(gateway, checked_action, upstream)
            self.run(gateway, checked_action)
        problems = []
        if len(spy.calls) != 1:
            problems.append(f"One call of {checked_action.id} opened {len(spy.calls)} calls.")
        for call in spy.calls:
            counts = spy.counts_of(call)
            problems += [
                f"{hook}() ran {counts[hook]} times for one call of {checked_action.id}, not once."
                for hook in (*ONCE, "hookline_process_response")
                if counts[hook] != 1
            ]
            if counts["hookline_shape_request"] > 1:
                problems.append(f"hookline_shape_request() ran more than once for {checked_action.id}.")
        fail_if(
            problems,
            "Let `present` succeed on what the service answers (`answers = {…}` in the suite says what that "
            "is), and run other actions with `call.run(…)` only.",
        )

    def test_an_action_can_run_in_many_threads(
        self, checked_action: Action, upstream: ScriptedUpstream
    ) -> None:
        """Calls that run at the same time do not get into each other's way."""
        name = _text_field(checked_action.input_schema)
        with self.open(upstream) as gateway:
            self.script(gateway, checked_action, upstream)
            first = self.run(gateway, checked_action)
            _check_result(checked_action, "plain", first)
            upstream.requests.clear()
            base = self.input_of(gateway, checked_action)
            inputs: list[JsonObject] = [
                {**base, **({name: f"{base.get(name) or 'text'}{number:03}"} if name else {})}
                for number in range(_THREADS * _CALLS_EACH)
            ]
            with ThreadPoolExecutor(_THREADS) as pool:
                results = list(pool.map(lambda input: gateway.call(checked_action.id, input), inputs))
            failed = [result for result in results if not result.is_ok]
            if failed:
                fail(
                    f"{len(failed)} of {len(results)} calls of {checked_action.id} in {_THREADS} threads "
                    f"failed: {_told(failed[0])}.",
                    "Keep nothing about a call in the module, the connector or a closure.",
                )
            sent = upstream.requests
            if name is None or not sent:
                return
            for number in range(len(inputs)):
                marked = f"{number:03}"
                seen = Counter(marked in f"{one.url} {one.text} {one.headers}" for one in sent)[True]
                if seen == 0:
                    fail(
                        f"A call of {checked_action.id} lost its `{name}` while others ran: no request "
                        f"carries the value that ends in {marked}.",
                        "Keep nothing about a call in the module, the connector or a closure.",
                    )

    def test_a_gateway_with_the_connector_closes(self, upstream: ScriptedUpstream) -> None:
        """Nothing goes on after the gateway was closed, and closing twice is fine."""
        before = {thread.ident for thread in threading.enumerate()}
        with self.open(upstream) as gateway:
            pass
        gateway.close()
        left = [
            thread.name
            for thread in threading.enumerate()
            if thread.ident not in before and not thread.daemon and thread.is_alive()
        ]
        fail_if(
            [f"The thread {name!r} still runs after the gateway was closed." for name in left],
            "End it in `hookline_shutdown`.",
        )
        if not upstream.is_closed:
            fail("The gateway did not close its connections.", "Let `hookline_shutdown` raise nothing.")


def _check_result(action: Action, mode: str, result: CallResult) -> None:
    if not result.is_ok:
        broken = next((item for item in result.items if not item.is_ok), result)
        fail(
            f"{action.id} ({mode}) failed on its own sample: {_told(broken)}.",
            "Correct the action, its sample, or tell the suite what the service answers: "
            f'`answers = {{"{action.id}": {{…}}}}`.',
        )
    parts = result.items or (result,)
    problems = [
        f"The output of {action.id} ({mode}) does not fit its schema: {problem}"
        for part in parts
        for problem in schema_problems(part.output, action.output_schema)
    ]
    fail_if(problems, "Correct `present` or the output schema: forms map the fields that the schema names.")
    if mode == "stream" and result.events[-1].get("type") != "output":
        fail(f"The stream of {action.id} ended without its output.", "Return it from `finish()`.")


def _told(result: CallResult) -> str:
    return str(result.error or f"{result.status} {result.content[:200]!r}")


def _wrong_field(schema: JsonObject) -> tuple[str, object] | None:
    properties = schema.get("properties")
    for name, member in (properties if isinstance(properties, dict) else {}).items():
        kind = member.get("type") if isinstance(member, dict) else None
        if isinstance(kind, str) and kind in _WRONG_VALUES and name != "stream":
            return str(name), _WRONG_VALUES[kind]
    return None


def _text_field(schema: JsonObject) -> str | None:
    """Return a field that takes any text, a needed one if there is one."""
    properties = schema.get("properties")
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    free = [
        str(name)
        for name, member in (properties if isinstance(properties, dict) else {}).items()
        if isinstance(member, dict)
        and member.get("type") == "string"
        and not any(key in member for key in ("enum", "const", "format", "pattern", "maxLength", "x-options"))
    ]
    return next((name for name in free if name in needed and name != "model"), None)
