"""Checks of calls with a hook plugin in their way."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import orjson

from hookline.quality.describing import schema_problems
from hookline.testing.bystander import SAY, WIRE_PATH, streamed_answer, whole_answer
from hookline.testing.findings import fail_if
from hookline.testing.hook_base import HookChecks
from hookline.testing.spy import ONCE, HookSpy

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from hookline.action import JsonObject
    from hookline.testing.gateway import GatewayUnderTest
    from hookline.testing.upstream import ScriptedUpstream

_MEASURED = 40
_OF_ONE_CALL = frozenset({"x-hookline-call-id", "x-request-id", "date"})
HOSTILE_TEXTS = {
    "empty": "",
    "spaces": " \t\r\n",
    "nul": "a\x00b",
    "control": "\x1b[31m\x07",
    "braces": "{{7*7}} ${HOME} %s {0} {",
    "markup": "<script>alert(1)</script>",
    "right to left": "\u202eada\u202c \u2066x\u2069",
    "combined": "e\u0301" * 100,
    "beyond": "\U0001f469\u200d\U0001f469\u200d\U0001f467" * 100,
    "long": "word " * 50_000,
    "one long word": "a" * 200_000,
    "nested": "[" * 5_000,
    "pattern": "a" * 40 + "!" + "(a+)+$",
}
DOORS = ("plain", "stream", "wire", "wire stream")


class HookTrafficChecks(HookChecks):
    """What happens to calls."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the checks once for each door and each hostile text."""
        if "checked_door" in metafunc.fixturenames:
            metafunc.parametrize("checked_door", DOORS)
        if "checked_text" in metafunc.fixturenames:
            metafunc.parametrize("checked_text", list(HOSTILE_TEXTS.values()), ids=list(HOSTILE_TEXTS))

    def test_other_calls_are_left_alone(self, checked_door: str, upstream: ScriptedUpstream) -> None:
        """A call that the plugin is not for is sent and answered as if it were not there."""
        if self.applies(SAY):
            return
        seen = []
        for has_plugin in (False, True):
            upstream.forget()
            with self.open(upstream, has_plugin=has_plugin) as gateway:
                seen.append((_through(gateway, upstream, checked_door), _sent(upstream)))
        (plain, sent), (changed, sent_changed) = seen
        problems = []
        if changed != plain:
            problems.append(f"answers {changed!r:.300} in place of {plain!r:.300}")
        if sent_changed != sent:
            problems.append(f"sends {sent_changed!r:.400} in place of {sent!r:.400}")
        fail_if(
            [f"{self.plugin_name} is not for {SAY} ({checked_door}), and {problem}." for problem in problems],
            "Look at `call.action.id` first, or say what it is for: `applies_to = (…)` in the suite.",
        )

    def test_hostile_texts_do_not_break_it(self, checked_text: str, upstream: ScriptedUpstream) -> None:
        """It raises for no text of a caller or of a service."""
        problems = []
        with self.open(upstream) as gateway:
            upstream.answers("POST", "/say", json={"text": checked_text})
            result = gateway.call(SAY, text=checked_text)
            problems += _broken(SAY, result.status, result.content)
            upstream.streams("POST", "/say", [{"text": checked_text}], end="[DONE]")
            streamed = gateway.call.stream(SAY, text=checked_text)
            problems += _broken(f"{SAY} (stream)", streamed.status, streamed.content)
        with self.open(upstream, is_sandbox=True) as gateway:
            for action in self.tried_actions(gateway):
                result = gateway.call(action.id, self.input_of(gateway, action, checked_text))
                problems += _broken(action.id, result.status, result.content)
        problems = [f"{self.plugin_name}: {one}" for one in problems]
        fail_if(problems, "Let it take any text, or raise a HooklineError.")

    def test_outputs_keep_their_form(self, upstream: ScriptedUpstream) -> None:
        """What it leaves of an output still fits the action's schema, streamed or not."""
        problems: list[str] = []
        upstream.answers_with("POST", "/say", whole_answer())
        with self.open(upstream, is_sandbox=True) as gateway:
            for action in self.tried_actions(gateway):
                problems += _form_problems(gateway, action.id, self.input_of(gateway, action))
        with self.open(upstream) as gateway:
            problems += _form_problems(gateway, SAY, self.what_to_say())
        fail_if(
            [f"{self.plugin_name}: {one}" for one in problems],
            "Change members of `response.output` to values of their type, and remove none that is needed.",
        )

    def test_a_call_runs_exactly_once(self, upstream: ScriptedUpstream) -> None:
        """One call is one request, one record and one settlement."""
        spy = HookSpy()
        upstream.answers_with("POST", "/say", whole_answer())
        with self.open(upstream, spy) as gateway:
            result = gateway.call(SAY, self.what_to_say())
        if result.status in (401, 402, 403, 429):  # it refuses everybody but those it knows
            return
        problems = []
        if len(upstream.requests) != 1:
            problems.append(f"one call became {len(upstream.requests)} requests to the service")
        if len(spy.calls) != 1:
            problems.append(f"one call became {len(spy.calls)} calls")
        for call in spy.calls:
            counts = spy.counts_of(call)
            problems += [f"{hook}() ran {counts[hook]} times" for hook in ONCE if counts[hook] != 1]
        fail_if(
            [f"{self.plugin_name}: {one}." for one in problems],
            "Call `proceed` once, and leave repetitions to `hookline_retry`: the core settles those.",
        )

    def test_what_it_adds_to_a_call_is_reported(
        self, upstream: ScriptedUpstream, record_property: Callable[[str, object], None]
    ) -> None:
        """Its time is printed at the end of the run; nothing fails."""
        medians = []
        for has_plugin in (False, True):
            upstream.forget()
            upstream.answers_with("POST", "/say", whole_answer())
            with self.open(upstream, has_plugin=has_plugin) as gateway:
                medians.append(_median_ms(gateway, self.what_to_say()))
        added_ms = max(0.0, medians[1] - medians[0])
        measured = f"{added_ms:.2f} ms to a call of {medians[0]:.2f} ms (medians of {_MEASURED})"
        record_property("hookline", f"{self.plugin_name} adds {measured}")


def _through(gateway: GatewayUnderTest, upstream: ScriptedUpstream, door: str) -> tuple[int, object]:
    is_stream = door.endswith("stream")
    upstream.answers_with("POST", "/say", streamed_answer() if is_stream else whole_answer())
    path = WIRE_PATH if door.startswith("wire") else f"/actions/{SAY}"
    body: JsonObject = {"text": "What time is it, Ada?", **({"stream": True} if is_stream else {})}
    reply = gateway.client.post(path, json=body, headers=gateway.headers)
    return reply.status_code, reply.get_data()


def _sent(upstream: ScriptedUpstream) -> list[object]:
    return [
        (
            one.method,
            one.url,
            one.content,
            {name: value for name, value in one.headers.items() if name not in _OF_ONE_CALL},
        )
        for one in upstream.requests
    ]


def _broken(action_id: str, status: int, content: bytes) -> list[str]:
    if status < 500 or (b"plugin_failed" not in content and status != 500):
        return []
    return [f"{action_id} failed with {status}: {content[:300].decode('utf-8', 'replace')}"]


def _form_problems(gateway: GatewayUnderTest, action_id: str, input: JsonObject) -> list[str]:
    result = gateway.call(action_id, input)
    if result.error is not None:
        is_refusal = result.status < 500
        return [] if is_refusal else [f"{action_id} failed with {result.error}"]
    schema = gateway.app.catalog.find(action_id).output_schema
    try:
        output = orjson.loads(result.content)
    except orjson.JSONDecodeError:
        return [f"the output of {action_id} is not JSON any more: {result.content[:200]!r}"]
    return [f"the output of {action_id} does not fit: {one}" for one in schema_problems(output, schema)]


def _median_ms(gateway: GatewayUnderTest, input: JsonObject) -> float:
    times = []
    for _ in range(_MEASURED):
        began = time.perf_counter()
        gateway.call(SAY, input)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)
