"""Plugins that misbehave, hook by hook: what calls answer, who is named, what is booked, what goes on."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hookline import Reservation, hookimpl
from hookline.errors import ConfigurationError
from hookline.gateway import Gateway, load_plugins
from hookline.hook_watch import HookWatch
from hookline.hookspecs import SETUP_HOOKS
from hookline.plugin_checks import HOOK_ARGUMENTS
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.webhook.app import create_app
from small_service import DONE, Acme, Allow, Body, Sign, Upstream, event, streamed, whole

if TYPE_CHECKING:
    from hookline.upstream import UpstreamRequest, UpstreamResponse

HUGE = "x" * 20_000_000
SECRET = "what-was-raised-must-not-show"


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Held(Reservation):
    """What was set aside."""

    def __init__(self, number: int) -> None:
        self.number = number


@dataclass
class Books:
    """Counts what is set aside, settled and recorded."""

    held: int = 0
    settled: list[int] = field(default_factory=list)
    recorded: int = 0

    @hookimpl(trylast=True)
    def hookline_admit(self) -> Reservation:
        self.held += 1
        return Held(self.held)

    @hookimpl
    def hookline_settle(self, reservation: Reservation) -> None:
        assert isinstance(reservation, Held)
        self.settled.append(reservation.number)

    @hookimpl(trylast=True)
    def hookline_record_usage(self) -> None:
        self.recorded += 1


def misbehaving(hook: str, misdeed: Callable[[], object]) -> object:
    """Return a plugin that does something wrong in one hook, once, and nothing afterwards."""
    left = [misdeed]

    def run(*_: object) -> object:
        return left.pop()() if left else None

    arguments = HOOK_ARGUMENTS[hook]
    source = f"lambda {', '.join(('self', *arguments))}: run({', '.join(arguments)})"
    function = eval(source, {"run": run})
    plugin = type("Misbehaves", (), {hook: hookimpl(tryfirst=True)(function)})()
    return plugin


def raise_it(exc: BaseException) -> Callable[[], object]:
    def misdeed() -> object:
        raise exc

    return misdeed


@dataclass
class Lab:
    """A gateway with one plugin that misbehaves, and what came of two calls."""

    hook: str
    misdeed: Callable[[], object]
    clock: Clock = field(default_factory=Clock)
    books: Books = field(default_factory=Books)
    upstream: Upstream = field(default_factory=Upstream)

    def __post_init__(self) -> None:
        needs_failure = self.hook in ("hookline_retry", "hookline_map_error")
        self._failures = [needs_failure]
        self.upstream.answer = self._answer
        host = PluginHost()
        host.watch = HookWatch(now=self.clock, slow_s=1.0)
        plugins = {"acme": Acme(), "allow": Allow(), "sign": Sign(), "books": self.books}
        plugins["bad"] = misbehaving(self.hook, self.misdeed)
        if self.hook == "hookline_settle":
            self._make_it_hold(plugins["bad"])
        for name, plugin in plugins.items():
            host.register(plugin, name=name)
        self.gateway = Gateway(Settings(), host=host, transport=self.upstream, environ={})
        self.client = create_app(self.gateway).test_client()

    def _make_it_hold(self, plugin: object) -> None:
        """A plugin is asked to settle only what it has set aside."""
        admit = eval("lambda self: reservation", {"reservation": Held(0)})
        type.__setattr__(type(plugin), "hookline_admit", hookimpl(admit))

    def _answer(self, request: UpstreamRequest) -> UpstreamResponse:
        if self._failures[0]:
            self._failures[0] = False
            return whole({"error": "down"}, status=503)
        if (request.body or {}).get("stream"):
            return streamed(Body([event("hello"), DONE]))
        return whole({"text": "hello"})

    def call(self) -> tuple[int, str, str]:
        """Run one call and return status, code and body."""
        fields: dict[str, object] = {"text": "hi"}
        if self.hook == "hookline_open_stream":
            fields["stream"] = True
        answer = self.client.post("/actions/acme.say", json=fields)
        text = answer.get_data(as_text=True)
        if answer.mimetype == "text/event-stream":
            found = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
            code = next((one["error"]["code"] for one in found if "error" in one), "")
        else:
            code = (json.loads(text).get("error") or {}).get("code", "")
        return answer.status_code, code, text


# Hooks that a plain call of this service does not come to; those who use them try them.
_ELSEWHERE = {"hookline_renew_principal", "hookline_job_over", "hookline_exchange_credential"}
CALL_HOOKS = [hook for hook in HOOK_ARGUMENTS if hook not in SETUP_HOOKS and hook not in _ELSEWHERE]
FAILED = (500, "plugin_failed")
FINE = (200, "")
DENIED = (403, "permission_denied")
RAISES = dict.fromkeys(CALL_HOOKS, FAILED) | {
    "hookline_authorize": DENIED,
    "hookline_settle": FINE,
    "hookline_record_usage": FINE,
}
"""What a call answers whose plugin raises something unexpected, or wants to end the process."""
RETURNS = {
    "hookline_authenticate": (401, "invalid_api_key"),
    "hookline_run_order": FAILED,
    "hookline_authorize": DENIED,
    "hookline_choose_connections": FAILED,
    "hookline_shape_request": FINE,
    "hookline_admit": FAILED,
    "hookline_resolve_credential": FAILED,
    "hookline_apply_upstream_auth": FAILED,
    "hookline_execute": FAILED,
    "hookline_retry": FAILED,
    "hookline_open_stream": FAILED,
    "hookline_process_response": FINE,
    "hookline_settle": FINE,
    "hookline_record_usage": FINE,
    "hookline_map_error": (502, "upstream_unavailable"),
}
"""What a call answers whose plugin returns something of another type."""


def check(lab: Lab, expected: tuple[int, str], caplog: pytest.LogCaptureFixture, *, named: bool) -> None:
    with caplog.at_level(logging.DEBUG, logger="hookline"):
        status, code, text = lab.call()
    assert (status, code) == expected
    assert SECRET not in text
    assert len(text) < 5000
    if named:
        assert "bad" in text + caplog.text
    sent_before = len(lab.upstream.sent)
    assert sent_before <= 1
    assert sorted(lab.books.settled) == list(range(1, lab.books.held + 1))
    is_opened = lab.hook not in ("hookline_authenticate", "hookline_run_order")
    assert lab.books.recorded == (1 if is_opened or expected == FINE else 0)

    assert lab.call()[:2] == FINE
    assert sorted(lab.books.settled) == list(range(1, lab.books.held + 1))
    lab.gateway.close()


@pytest.mark.parametrize("exc", [ValueError(SECRET), SystemExit(SECRET)], ids=["exception", "exit"])
@pytest.mark.parametrize("hook", CALL_HOOKS)
def test_a_plugin_that_raises_fails_or_spares_the_call_and_no_other(
    hook: str, exc: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    check(Lab(hook, raise_it(exc)), RAISES[hook], caplog, named=True)


@pytest.mark.parametrize("value", ["text", 7, HUGE], ids=["text", "number", "huge"])
@pytest.mark.parametrize("hook", CALL_HOOKS)
def test_a_plugin_that_returns_another_type_fails_or_spares_the_call_and_no_other(
    hook: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    named = RETURNS[hook] != FINE
    check(Lab(hook, lambda: value), RETURNS[hook], caplog, named=named)


@pytest.mark.parametrize("hook", CALL_HOOKS)
def test_a_slow_plugin_is_waited_for_and_named(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()

    def misdeed() -> None:
        clock.now_s += 5.0

    lab = Lab(hook, misdeed, clock=clock)
    expected = (502, "upstream_unavailable") if hook in ("hookline_retry", "hookline_map_error") else FINE
    check(lab, expected, caplog, named=hook != "hookline_run_order")
    count = next(one for one in lab.gateway.host.watch.counts() if (one.plugin, one.hook) == ("bad", hook))
    assert count.slow == (0 if hook == "hookline_run_order" else 1)  # it stands around the whole call


def test_every_hook_of_a_call_is_tried() -> None:
    assert set(RAISES) == set(RETURNS) == set(CALL_HOOKS)


# ---------------------------------------------------------------- streams


class Transform:
    """Misbehaves at one moment of a stream."""

    reads_pieces = False

    def __init__(self, moment: str, exc: BaseException) -> None:
        self._moment = moment
        self._exc = exc

    def feed(self, event: Any) -> Iterator[Any]:
        if self._moment == "feed":
            raise self._exc
        yield event

    def check(self) -> None:
        if self._moment == "check":
            raise self._exc

    def finish(self, outcome: object) -> list[Any]:
        if self._moment == "finish":
            raise self._exc
        return []


@pytest.mark.parametrize("exc", [ValueError(SECRET), SystemExit(SECRET)], ids=["exception", "exit"])
@pytest.mark.parametrize("moment", ["feed", "check", "finish"])
def test_a_stream_transform_that_raises_ends_its_stream_with_an_error(
    moment: str, exc: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    lab = Lab("hookline_open_stream", lambda: Transform(moment, exc))
    status, code, text = lab.call()
    assert (status, code) in [(200, "plugin_failed"), FAILED]
    assert SECRET not in text
    assert sorted(lab.books.settled) == [1]
    assert lab.books.recorded == 1
    assert lab.call()[:2] == FINE


# ---------------------------------------------------------------- setting up, and views


@pytest.mark.parametrize("exc", [ValueError("no"), SystemExit(3)], ids=["exception", "exit"])
@pytest.mark.parametrize(
    "hook", ["hookline_startup", "hookline_register_routes", "hookline_register_exports"]
)
def test_a_plugin_that_fails_while_the_gateway_is_built_is_named(hook: str, exc: BaseException) -> None:
    with pytest.raises(ConfigurationError, match="bad"):
        Lab(hook, raise_it(exc))


@pytest.mark.parametrize("exc", [ValueError("no"), SystemExit(3)], ids=["exception", "exit"])
def test_a_plugin_whose_connectors_fail_is_left_out_and_named(exc: BaseException) -> None:
    lab = Lab("hookline_register_connectors", raise_it(exc))

    assert lab.gateway.host.plugins["bad"].status == "refused"
    assert lab.call()[:2] == FINE


@pytest.mark.parametrize("exc", [ValueError("no"), SystemExit(3)], ids=["exception", "exit"])
def test_a_plugin_that_fails_at_the_end_keeps_nobody_from_closing(
    exc: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    lab = Lab("hookline_shutdown", raise_it(exc))
    lab.gateway.close()

    assert lab.upstream.is_closed
    assert "'bad' failed while it was closed" in caplog.text


def test_a_view_that_ends_the_process_is_an_error_and_the_process_goes_on() -> None:
    class Views:
        @hookimpl
        def hookline_register_routes(self, routes: Any) -> None:
            routes.add("GET", "/leave", _leave, public=True)

    host = PluginHost()
    for name, plugin in {"acme": Acme(), "allow": Allow(), "views": Views()}.items():
        host.register(plugin, name=name)
    client = create_app(Gateway(Settings(), host=host, transport=Upstream(), environ={})).test_client()

    assert client.get("/leave").status_code == 500
    assert client.get("/healthz").status_code == 200


def _leave(request: object) -> Any:
    raise SystemExit(3)


# ---------------------------------------------------------------- a hook that does not return


def test_a_caller_who_said_how_long_it_waits_is_answered_while_a_hook_hangs(tmp_path: Path) -> None:
    entered, go_on = threading.Event(), threading.Event()

    class Hangs:
        @hookimpl
        def hookline_shape_request(self) -> None:
            entered.set()
            go_on.wait(60)

    settings = Settings.model_validate(
        {
            "api_keys": ["a-key-for-tests-only-0001"],
            "sandbox": True,
            "state_dir": str(tmp_path),
            "plugins": {"hanging_hook_s": 0.001},
        }
    )
    host = load_plugins(settings)
    host.register(Hangs(), name="bad")
    gateway = Gateway(settings, host=host, environ={})
    client = create_app(gateway).test_client()
    headers = {"authorization": "Bearer a-key-for-tests-only-0001"}
    try:
        answer = client.post(
            "/actions/openai.chat",
            json={"model": "sandbox", "prompt": "hi"},
            headers={**headers, "prefer": "respond-async, wait=1"},
        )
        assert entered.wait(30)
        ready = client.get("/readyz")
    finally:
        go_on.set()
    assert answer.status_code == 202
    assert answer.headers["location"].startswith("/jobs/")
    assert (ready.status_code, ready.get_json()["status"]) == (200, "ready")
    assert ready.get_json()["hanging"][0].startswith(
        "the plugin 'bad' has not returned from hookline_shape_request() for"
    )
    gateway.close()
