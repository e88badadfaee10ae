"""A gateway with the real OpenAI connector and retries, over an upstream that follows a script."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import orjson

import hookline_openai
from fake_clock import START, FakeClock
from hookline.errors import StreamInterruptedError
from hookline.gateway import Gateway
from hookline.plugins import PluginHost
from hookline.settings import Settings
from hookline.upstream import UpstreamRequest, UpstreamResponse
from hookline.webhook.app import create_app
from hookline_retry import RetryPlugin
from hookline_sandbox.service import CutConnection, Sandbox
from small_service import Allow, Upstream

if TYPE_CHECKING:
    from werkzeug.test import TestResponse

    from hookline.call import Cancellation
    from hookline.clock import Clock

Answer = Callable[[UpstreamRequest], UpstreamResponse]

INPUTS: dict[str, dict[str, object]] = {
    "openai.chat": {"model": "gpt-4o", "prompt": "Hi"},
    "openai.embed": {"model": "text-embedding-3-small", "input": "Hi"},
    "openai.moderate": {"input": "Hi"},
}
MESSAGES = [{"role": "user", "content": "Hi"}]
WIRE: dict[str, tuple[str, dict[str, object]]] = {
    "openai.chat": ("/v1/chat/completions", {"model": "gpt-4o", "messages": MESSAGES}),
    "openai.embed": ("/v1/embeddings", INPUTS["openai.embed"]),
}


def simulated(fault: str = "") -> Answer:
    """Return what the simulated service says, with a fault if one is named."""

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        headers = {"x-sandbox-fault": fault} if fault else {}
        made = Sandbox(now=START.timestamp).answer(
            request.method, f"/v1{request.path}", headers, request.content or b""
        )
        return UpstreamResponse(status=made.status, headers=made.headers, chunks=_until_cut(made.chunks))

    return answer


def refusal(status: int = 429, *, message: str = "No.", code: str | None = None, **headers: str) -> Answer:
    """Return a refusal of OpenAI's shape with the headers given; ``_`` in their names stands for ``-``."""
    body = {"error": {"message": message, "type": None, "param": None, "code": code}}
    lines = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return lambda request: UpstreamResponse(
        status=status,
        headers=[("content-type", "application/json"), *lines],
        chunks=iter([orjson.dumps(body)]),
    )


def failing(make: Callable[[], Exception]) -> Answer:
    """Return an attempt that gets no answer at all."""

    def answer(request: UpstreamRequest) -> UpstreamResponse:
        raise make()

    return answer


def _until_cut(chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except CutConnection as exc:
        raise StreamInterruptedError("The upstream broke the connection.") from exc


class Lab:
    """One gateway; each attempt is answered by the next of the answers, and the last goes on for ever."""

    def __init__(
        self,
        *answers: Answer,
        plugins: tuple[object, ...] = (),
        random: Callable[[], float] = lambda: 0.0,
        clock: Clock | None = None,
        timeout_s: float = 900,
        **options: object,
    ) -> None:
        self.fake_clock = FakeClock()
        self.clock = clock or self.fake_clock
        self.sent_at: list[float] = []
        self._answers = list(answers)
        self._lock = threading.Lock()
        host = PluginHost()
        host.register(Allow(), name="allow")
        host.register(hookline_openai, name="openai")
        host.register(RetryPlugin(random=random), name="retry")
        for number, plugin in enumerate(plugins):
            host.register(plugin, name=f"plugin{number}")
        self.upstream = Upstream(self._next)
        self.gateway = Gateway(
            Settings.model_validate({"plugins": {"retry": options}, "limits": {"timeout_s": timeout_s}}),
            host=host,
            transport=self.upstream,
            environ={},
            clock=self.clock,
        )
        self._app = create_app(self.gateway)

    @property
    def waits(self) -> list[float]:
        return self.fake_clock.waits

    @property
    def calls(self) -> int:
        """How many requests the upstream has had."""
        return len(self.upstream.sent)

    def follow(self, *answers: Answer) -> None:
        """Replace the script."""
        self._answers = list(answers)

    def act(self, action: str = "openai.chat", **fields: object) -> TestResponse:
        """Call an action at the action door."""
        return self._app.test_client().post(f"/actions/{action}", json={**INPUTS[action], **fields})

    def post(self, action: str = "openai.chat", **fields: object) -> TestResponse:
        """Call an action at the wire door."""
        path, body = WIRE[action]
        return self._app.test_client().post(path, json={**body, **fields})

    def _next(self, request: UpstreamRequest) -> UpstreamResponse:
        with self._lock:
            self.sent_at.append(self.clock.monotonic())
            answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return answer(request)


class ManualClock:
    """Goes only when it is told to; whoever waits is kept waiting until then."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._now_s = 0.0
        self._targets: list[float] = []

    def monotonic(self) -> float:
        return self._now_s

    def now(self) -> datetime:
        return datetime(2026, 11, 22, tzinfo=UTC) + timedelta(seconds=self._now_s)

    def wait(self, seconds: float, cancellation: Cancellation) -> bool:
        with self._changed:
            target = self._now_s + seconds
            self._targets.append(target)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._now_s >= target, timeout=20)
            self._targets.remove(target)
            self._changed.notify_all()
        return not cancellation.is_cancelled

    def advance(self, seconds: float) -> None:
        with self._changed:
            self._now_s += seconds
            self._changed.notify_all()

    def until_waiting(self, number: int) -> list[float]:
        """Return for when so many threads wait, in order, as soon as they do."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._to_come()) == number, timeout=20)
            return self._to_come()

    def _to_come(self) -> list[float]:
        return sorted(target for target in self._targets if target > self._now_s)
