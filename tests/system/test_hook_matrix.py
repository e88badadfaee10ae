"""Every hook of a call, on every action, streamed and not, through both doors, well and badly.

A hook that is skipped somewhere is a hole: a check that everybody relies on would not have run there.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from fake_clock import FakeClock
from hookline import (
    Attempt,
    Call,
    Connection,
    Decision,
    HooklineError,
    InboundRequest,
    Order,
    Reservation,
    RetryDecision,
    Secret,
    StreamEvent,
    StreamOutcome,
    StreamTransform,
    UpstreamRequest,
    Usage,
    hookimpl,
    hookspecs,
)
from hookline.engine.sse import EventDecoder
from hookline.gateway import Gateway, load_plugins
from hookline.settings import Settings
from hookline.webhook.app import create_app

if TYPE_CHECKING:
    from collections.abc import Iterable

    from werkzeug.test import TestResponse

KEY = "a-key-for-tests-only-0001"
ORIGIN = "http://sandbox.invalid:80"
# Those of jobs and of access tokens do not run here: none of these calls is a job, or goes to such a service.
CALL_HOOKS = (
    frozenset(name for name in vars(hookspecs) if name.startswith("hookline_"))
    - hookspecs.SETUP_HOOKS
    - {"hookline_job_over", "hookline_renew_principal", "hookline_exchange_credential"}
)

ACTIONS: dict[str, dict[str, Any]] = {
    "openai.chat": {"model": "sandbox", "prompt": "Hello"},
    "openai.complete": {"model": "sandbox", "prompt": "Once"},
    "openai.edit": {"model": "sandbox", "input": "Helo", "instruction": "Correct it"},
    "openai.embed": {"model": "text-embedding-3-small", "input": "Hello"},
    "openai.list_models": {},
    "openai.moderate": {"input": "Hello"},
}
WIRE: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "openai.chat": (
        "POST",
        "/v1/chat/completions",
        {"model": "sandbox", "messages": [{"role": "user", "content": "Hello"}]},
    ),
    "openai.complete": ("POST", "/v1/completions", {"model": "sandbox", "prompt": "Once"}),
    "openai.edit": ("POST", "/v1/edits", {"model": "sandbox", "input": "Helo", "instruction": "Correct it"}),
    "openai.embed": ("POST", "/v1/embeddings", {"model": "text-embedding-3-small", "input": "Hello"}),
    "openai.list_models": ("GET", "/v1/models", None),
    "openai.moderate": ("POST", "/v1/moderations", {"input": "Hello"}),
}
STREAMS = ("openai.chat", "openai.complete")


class Watch(StreamTransform):
    """Counts what a transform is asked."""

    def __init__(self, called: Counter[str]) -> None:
        self._called = called

    def feed(self, event: StreamEvent) -> Iterable[StreamEvent]:
        self._called["feed"] += 1
        return (event,)

    def finish(self, outcome: StreamOutcome) -> Iterable[StreamEvent]:
        self._called[f"finish {outcome.kind}"] += 1
        return ()


class Recorder:
    """Implements every hook of a call, counts, and leaves everything as it is."""

    def __init__(self) -> None:
        self.called: Counter[str] = Counter()

    @hookimpl(tryfirst=True)
    def hookline_authenticate(self, request: InboundRequest) -> None:
        self.called["hookline_authenticate"] += 1

    @hookimpl(tryfirst=True)
    def hookline_run_order(self, order: Order) -> None:
        self.called["hookline_run_order"] += 1

    @hookimpl(tryfirst=True)
    def hookline_authorize(self, call: Call) -> Decision:
        self.called["hookline_authorize"] += 1
        return Decision(allow=True)

    @hookimpl(tryfirst=True)
    def hookline_choose_connections(self, call: Call) -> list[Connection]:
        self.called["hookline_choose_connections"] += 1
        return [call.connection]

    @hookimpl(tryfirst=True)
    def hookline_shape_request(self, call: Call, request: UpstreamRequest) -> None:
        self.called["hookline_shape_request"] += 1

    @hookimpl(tryfirst=True)
    def hookline_admit(self, call: Call, request: UpstreamRequest, estimate: Usage) -> Reservation:
        self.called["hookline_admit"] += 1
        return Reservation()

    @hookimpl(tryfirst=True)
    def hookline_settle(self, call: Call, reservation: Reservation, usage: Usage | None) -> None:
        self.called["hookline_settle"] += 1

    @hookimpl(tryfirst=True)
    def hookline_record_usage(self, call: Call, usage: Usage | None) -> None:
        self.called["hookline_record_usage"] += 1

    @hookimpl(tryfirst=True)
    def hookline_resolve_credential(self, call: Call, connection: Connection) -> Secret:
        self.called["hookline_resolve_credential"] += 1
        return Secret("canary-of-the-matrix", allowed_origins=frozenset({ORIGIN}))

    @hookimpl(tryfirst=True)
    def hookline_apply_upstream_auth(self, call: Call, request: UpstreamRequest, secret: Secret) -> None:
        self.called["hookline_apply_upstream_auth"] += 1

    @hookimpl(tryfirst=True)
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> None:
        self.called["hookline_execute"] += 1

    @hookimpl(tryfirst=True)
    def hookline_retry(self, call: Call, attempt: Attempt) -> RetryDecision | None:
        self.called["hookline_retry"] += 1
        return RetryDecision(again=True) if attempt.number == 1 and not attempt.has_begun else None

    @hookimpl(tryfirst=True)
    def hookline_open_stream(self, call: Call) -> StreamTransform:
        self.called["hookline_open_stream"] += 1
        return Watch(self.called)

    @hookimpl(tryfirst=True)
    def hookline_process_response(self, call: Call) -> None:
        self.called["hookline_process_response"] += 1

    @hookimpl(tryfirst=True)
    def hookline_map_error(self, call: Call, error: HooklineError) -> None:
        self.called["hookline_map_error"] += 1


@dataclass(frozen=True, kw_only=True)
class Case:
    """One cell of the matrix."""

    action: str
    door: str
    is_stream: bool

    def __str__(self) -> str:
        return f"{self.action} {self.door} {'stream' if self.is_stream else 'whole'}"


CASES = [
    Case(action=action, door=door, is_stream=is_stream)
    for action in ACTIONS
    for door in ("action", "wire")
    for is_stream in (False, True)
    if not is_stream or action in STREAMS
]
MATRIX = pytest.mark.parametrize("case", CASES, ids=str)


class Running:
    """A gateway with every bundled plugin, over the simulated service."""

    def __init__(self, *plugins: object, disabled: tuple[str, ...] = (), **options: object) -> None:
        settings = Settings.model_validate(
            {"api_keys": [KEY], "sandbox": True, "plugins": {"disabled": disabled, **options}}
        )
        host = load_plugins(settings)
        for number, plugin in enumerate(plugins):
            host.register(plugin, name=f"matrix_{number}")
        self.gateway = Gateway(settings, host=host, environ={}, clock=FakeClock())
        self._client = create_app(self.gateway).test_client()

    def send(self, case: Case, *, fault: str | None = None) -> TestResponse:
        headers = {"authorization": f"Bearer {KEY}"}
        if fault:
            headers["x-sandbox-fault"] = fault
        more = {"stream": True} if case.is_stream else {}
        if case.door == "action":
            path = f"/actions/{case.action}"
            return self._client.post(path, json={**ACTIONS[case.action], **more}, headers=headers)
        method, path, body = WIRE[case.action]
        json_body = None if body is None else {**body, **more}
        return self._client.open(path, method=method, json=json_body, headers=headers)


def last_event(answer: TestResponse) -> dict[str, Any]:
    events = [event.data for event in EventDecoder().feed(answer.data) if event.data]
    found: dict[str, Any] = json.loads(events[-1]) if events[-1] != b"[DONE]" else {}
    return found


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


def test_the_recorder_implements_every_hook_of_a_call() -> None:
    assert {name for name in vars(Recorder) if name.startswith("hookline_")} == CALL_HOOKS


@MATRIX
def test_every_hook_runs_once_when_all_goes_well(case: Case, recorder: Recorder) -> None:
    answer = Running(recorder).send(case)
    content = answer.data  # reads a stream to its end

    assert answer.status_code == 200, content
    expected = dict.fromkeys(CALL_HOOKS - {"hookline_retry", "hookline_map_error"}, 1)
    if not case.is_stream:
        del expected["hookline_open_stream"]
    elif case.door == "wire":  # its transforms see the answer instead
        del expected["hookline_process_response"]
    hooks = {name: count for name, count in recorder.called.items() if name.startswith("hookline_")}
    assert hooks == expected
    if case.is_stream:
        assert recorder.called["feed"] > 1
        assert recorder.called["finish complete"] == 1


@MATRIX
def test_a_failed_attempt_is_mapped_asked_about_and_signed_anew(case: Case, recorder: Recorder) -> None:
    answer = Running(recorder).send(case, fault="status-503-times-1")
    assert answer.data
    assert answer.status_code == 200

    asked = {name: recorder.called[name] for name in CALL_HOOKS}
    assert asked["hookline_shape_request"] == asked["hookline_authorize"] == asked["hookline_run_order"] == 1
    assert asked["hookline_retry"] == asked["hookline_map_error"] == 1
    assert asked["hookline_execute"] == asked["hookline_resolve_credential"] == 2
    assert asked["hookline_apply_upstream_auth"] == 2


@MATRIX
def test_a_call_that_fails_for_good_is_mapped_and_nothing_is_processed(
    case: Case, recorder: Recorder
) -> None:
    answer = Running(recorder).send(case, fault="status-400")

    assert answer.status_code == 400, answer.data
    assert recorder.called["hookline_process_response"] == 0
    assert recorder.called["hookline_map_error"] == recorder.called["hookline_execute"]


@pytest.mark.parametrize("case", [case for case in CASES if case.is_stream], ids=str)
@pytest.mark.parametrize("fault", ["cut", "malformed", "error-event", "no-done"])
def test_a_stream_that_breaks_ends_with_an_error_event_and_one_end_for_every_transform(
    case: Case, fault: str, recorder: Recorder
) -> None:
    answer = Running(recorder).send(case, fault=fault)

    assert last_event(answer)["error"]
    assert recorder.called["hookline_open_stream"] == 1
    assert sum(count for name, count in recorder.called.items() if name.startswith("finish")) == 1
    assert recorder.called["finish complete"] == 0


# ---------------------------------------------------------------- the bundled plugins

FIVE = ("context", "lifecycle", "moderation", "retry", "streams")


@pytest.mark.parametrize("alone", [*FIVE, None])
@MATRIX
def test_each_plugin_works_without_the_others(case: Case, alone: str | None) -> None:
    disabled = tuple(name for name in FIVE if name != alone)

    answer = Running(disabled=disabled).send(case)
    content = answer.data

    assert answer.status_code == 200, content
    if case.is_stream:
        assert b'"error"' not in content


@pytest.mark.parametrize("missing", FIVE)
@MATRIX
def test_the_others_work_without_each_plugin(case: Case, missing: str) -> None:
    answer = Running(disabled=(missing,)).send(case)
    content = answer.data

    assert answer.status_code == 200, content
    if case.is_stream:
        assert b'"error"' not in content
