"""A service that does what a test tells it to, and remembers what it was sent."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hookline.errors import HooklineError
from hookline.testing.clock import FakeClock
from hookline.testing.playing import play
from hookline.testing.script import (
    FAULTS,
    Fault,
    Script,
    ScriptedAnswer,
    make_answer,
    make_stream,
)
from hookline.testing.sent import SentRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookline.call import Cancellation
    from hookline.clock import Clock
    from hookline.engine.transport import Timeouts
    from hookline.upstream import UpstreamRequest, UpstreamResponse

_PLACEHOLDER = re.compile(r"\\\{[^{}]*\\\}")


class UnexpectedRequestError(HooklineError):
    """A request went to a scripted service that no script is for."""

    code = "unexpected_request"
    title = "The test's service does not expect this request"
    hint = "Say what it answers with `upstream.answers(METHOD, PATH, json=…)`, or correct the request."


class ScriptedUpstream:
    """A service that answers as it was told. It is a transport: hand it to a `Gateway`, or use the fixture.

    Args:
        clock: Where its delays pass.

    Attributes:
        requests: What was sent so far, in order.
        unexpected: Requests that no script is for; each fails the test.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self.clock: Clock = FakeClock() if clock is None else clock
        self.requests: list[SentRequest] = []
        self.unexpected: list[str] = []
        self.is_closed = False
        self.folder = Path()
        self._lock = threading.Lock()
        self._scripts: list[tuple[Callable[[SentRequest], bool], Script]] = []
        self._players: list[Callable[[SentRequest], ScriptedAnswer | None]] = []

    # ------------------------------------------------------------ what it answers

    def answers(
        self,
        method: str,
        path: str,
        *,
        json: object = ...,
        text: str | None = None,
        content: bytes | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        after_s: float = 0.0,
        query: Mapping[str, str] | None = None,
    ) -> Script:
        """Answer requests of one kind, now and whenever they come again.

        Said twice for the same route, the second takes the place of the first. Chain ``.then(…)`` for what
        the next requests get.

        Args:
            method: HTTP method, or ``*`` for any.
            path: Path below the connection's base URL; ``{name}`` stands for one segment, ``*`` alone for
                any path. An absolute URL is compared as a whole.
            json: Body as JSON.
            text: Body as plain text, in its place.
            content: Body as bytes, in its place.
            status: HTTP status.
            headers: Further headers.
            after_s: Silence before it, in seconds of the test's clock. Nobody really waits.
            query: Parameters that the request must have for this script to be for it.
        """
        made = make_answer(
            json=json, text=text, content=content, status=status, headers=headers, after_s=after_s
        )
        return self.answers_with(method, path, made, query=query)

    def streams(
        self,
        method: str,
        path: str,
        events: Iterable[object],
        *,
        end: str | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        after_s: float = 0.0,
    ) -> Script:
        """Answer requests of one kind with server-sent events.

        Args:
            method: HTTP method, or ``*``.
            path: As for `answers`.
            events: Each is the JSON of one event, bytes that are sent as they are, or a `Pause`.
            end: Data of a last event, such as ``[DONE]``.
            status: HTTP status.
            headers: Further headers.
            after_s: Silence before it, in seconds of the test's clock.
        """
        made = make_stream(events, end=end, status=status, headers=headers, after_s=after_s)
        return self.answers_with(method, path, made)

    def fails(self, method: str, path: str, fault: Fault) -> Script:
        """Let requests of one kind go wrong.

        Args:
            method: HTTP method, or ``*``.
            path: As for `answers`.
            fault: How.

        Raises:
            ValueError: If there is no such fault.
        """
        if fault not in FAULTS:
            raise ValueError(f"There is no fault {fault!r}; there are {', '.join(FAULTS)}.")
        return self.answers_with(method, path, ScriptedAnswer(fault=fault))

    def answers_with(
        self,
        method: str,
        path: str,
        answer: ScriptedAnswer,
        *,
        query: Mapping[str, str] | None = None,
    ) -> Script:
        """Answer requests of one kind with an answer that was made before."""
        script = Script(f"{method} {path}", [answer])
        with self._lock:
            self._scripts.insert(0, (_matcher(method, path, query), script))
        return script

    def replay(self, *paths: str | Path) -> None:
        """Answer as real services did once; see `hookline record`.

        A request that is in no recording fails the test and says what is different.

        Args:
            paths: Recordings, from the folder of the test's file.

        Raises:
            ConfigurationError: If a file is no recording.
        """
        from hookline.testing.replay import Replay

        for path in paths:
            self._players.append(Replay(self.folder / path, self.report).answer)

    # ------------------------------------------------------------ what it was sent

    def forget(self) -> None:
        """Forget all scripts and requests."""
        with self._lock:
            self._scripts.clear()
            self._players.clear()
            self.requests.clear()
            self.unexpected.clear()

    def report(self, problem: str) -> None:
        """Note a request that nobody expected, which fails the test."""
        with self._lock:
            self.unexpected.append(problem)

    def assert_expected(self) -> None:
        """Fail if anything was sent that no script is for, and say what.

        Raises:
            AssertionError: If there was.
        """
        if self.unexpected:
            with self._lock:
                problems, self.unexpected[:] = list(self.unexpected), []
            raise AssertionError("\n".join(dict.fromkeys(problems)))

    def find(self, request: SentRequest) -> ScriptedAnswer:
        """Note a request, and return what is answered.

        Raises:
            UnexpectedRequestError: If no script is for it.
        """
        with self._lock:
            self.requests.append(request)
            scripts, players = list(self._scripts), list(self._players)
        for matches, script in scripts:
            if matches(request):
                return script.take()
        for player in players:
            answer = player(request)
            if answer is not None:
                return answer
        if not self.unexpected or not players:
            known = "\n".join(f"  {script.name}" for _, script in scripts) or "  nothing"
            self.report(
                f"An unexpected request went out: {request.method} {request.url}\n"
                f"The test's service answers:\n{known}\n"
                f'Add `upstream.answers("{request.method}", "{request.path}", json=…)`, '
                "or correct the path in the action."
            )
        raise UnexpectedRequestError(f"The test's service does not expect {request}.")

    # ------------------------------------------------------------ as a transport

    def send(
        self, request: UpstreamRequest, *, timeouts: Timeouts, cancellation: Cancellation
    ) -> UpstreamResponse:
        """Answer a request of the gateway."""
        sent = SentRequest(
            method=request.method,
            url=request.url,
            base_url=request.base_url,
            headers=dict(request.headers),
            content=request.content or b"",
        )
        return play(self.find(sent), clock=self.clock, timeouts=timeouts, cancellation=cancellation)

    def close(self) -> None:
        """Note that the gateway let go of it."""
        self.is_closed = True

    @contextmanager
    def serve(self) -> Iterator[str]:
        """Answer on a port of this machine, too, for what sends requests by itself; yields the base URL.

        Silences are not played there, and ``refused`` and ``timeout`` become ``reset``.
        """
        from hookline.testing.loopback import serving

        with serving(self.find) as url:
            yield url


def _matcher(method: str, path: str, query: Mapping[str, str] | None) -> Callable[[SentRequest], bool]:
    pattern = re.compile(_PLACEHOLDER.sub("[^/?#]+", re.escape(path)))
    is_url = "://" in path

    def matches(request: SentRequest) -> bool:
        if method not in ("*", request.method):
            return False
        if any(request.query.get(name) != [value] for name, value in (query or {}).items()):
            return False
        if path == "*":
            return True
        return pattern.fullmatch(request.url.partition("?")[0] if is_url else request.path) is not None

    return matches
