"""What stands around every implementation of a hook: it is counted, timed, and kept from ending the process.

This runs in every call, so it does little: two looks at a clock, and two numbers. Whoever
hangs is found without its help, by looking at what threads are in. Time is a plugin's own: what a call took
that it ran by ``call.run`` is not counted as its.

The two numbers are changed without a lock. CPython hands over the interpreter at calls and jumps backwards
only, and there is none between reading and writing one; where it has no such lock, some counts may get lost.
"""

from __future__ import annotations

import gc
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

from hookline.errors import HooklineError, PluginError
from hookline.hookspecs import AROUND_HOOKS, BUILT_IN_PLUGINS, SETUP_HOOKS
from hookline.interrupts import is_ctrl_c

if TYPE_CHECKING:
    from types import CodeType, FrameType, GeneratorType

Hook = Callable[..., object]

BLAME = "hookline_plugin"
"""Attribute of an exception: the plugin whose hook raised it first."""

_log = logging.getLogger("hookline.plugins")

# Hooks whose time says nothing about the plugin: they wait for others, or run once.
_UNTIMED = AROUND_HOOKS | SETUP_HOOKS | {"hookline_job_over"}
_LOG_EVERY_S = 60.0

# The code of what `Implementation.around` returns, by which a frame of it is known.
_WATCHED: set[CodeType] = set()

# What a hook may return besides None. Of other hooks the engine itself looks at what came back.
_RETURNS = {
    "hookline_authenticate": ("hookline.principal", "Principal"),
    "hookline_renew_principal": ("hookline.principal", "Principal"),
    "hookline_authorize": ("hookline.principal", "Decision"),
    "hookline_apply_upstream_auth": ("builtins", "bool"),
    "hookline_open_stream": ("hookline.streaming", "StreamTransform"),
    "hookline_map_error": ("hookline.errors", "HooklineError"),
    "hookline_resolve_credential": ("hookline.connection", "Secret"),
    "hookline_execute": ("hookline.upstream", "UpstreamResponse"),
    "hookline_retry": ("hookline.attempt", "RetryDecision"),
}


# Where a result of another type is taken for none, which denies, or leaves an error as it is.
_OVERLOOKED = frozenset({"hookline_authenticate", "hookline_map_error"})


@dataclass(frozen=True, kw_only=True, slots=True)
class HookCount:
    """What one plugin's implementation of one hook has done since the process began.

    Attributes:
        plugin: Name of the plugin.
        hook: Name of the hook.
        calls: How often it was called.
        failures: How often it raised something other than a `HooklineError`, or returned a wrong type.
        seconds: Time that it took itself.
        slow: Calls that took longer than ``plugins.slow_hook_ms``.
        hanging: Calls that were found not to have returned for ``plugins.hanging_hook_s``.
    """

    plugin: str
    hook: str
    calls: int
    failures: int
    seconds: float
    slow: int
    hanging: int


@dataclass(frozen=True, kw_only=True, slots=True)
class HangingHook:
    """A call of a hook that has not returned for long.

    Attributes:
        plugin: Name of the plugin.
        hook: Name of the hook.
        seconds: For how long.
        where: File, line and function that its thread is in, as far as that can be told.
    """

    plugin: str
    hook: str
    seconds: float
    where: str

    def __str__(self) -> str:
        return f"the plugin {self.plugin!r} has not returned from {self.hook}() for {self.seconds:.0f} s"


class HookWatch:
    """Watches the hooks of one host.

    Args:
        slow_s: A call that takes longer itself is counted as slow, and logged at most once a minute.
        hanging_s: A call that has not returned for so long is reported.
        now: Seconds of a clock that only goes on.
    """

    def __init__(
        self, *, slow_s: float = 1.0, hanging_s: float = 30.0, now: Callable[[], float] = time.perf_counter
    ) -> None:
        self.slow_s = slow_s
        self.hanging_s = hanging_s
        self.now = now
        self._implementations: list[Implementation] = []
        self._lock = threading.Lock()
        self._reported: set[tuple[int, float]] = set()
        self._logged_at: dict[str, float] = {}
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    def around(self, plugin: str, hook: str, function: Hook, *, is_wrapper: bool = False) -> Hook:
        """Return a function that does what an implementation does, watched."""
        implementation = Implementation(self, plugin, hook)
        self._implementations.append(implementation)
        return implementation.around_wrapper(function) if is_wrapper else implementation.around(function)

    def counts(self) -> list[HookCount]:
        """Return what every implementation has done so far, in the order in which they were loaded."""
        return [implementation.count() for implementation in list(self._implementations)]

    def hanging(self) -> list[HangingHook]:
        """Return the calls that have not returned for too long, the longest first; count and log new ones."""
        now_s, found, seen = self.now(), [], set()
        for ident, frame in _frames_of_threads().items():
            running = _innermost(frame)
            if running is None:
                continue
            implementation, began_s = running
            if (
                implementation.watch is not self
                or implementation.is_untimed
                or now_s - began_s < self.hanging_s
            ):
                continue
            hook = HangingHook(
                plugin=implementation.plugin,
                hook=implementation.hook,
                seconds=now_s - began_s,
                where=_where(frame),
            )
            found.append(hook)
            seen.add((ident, began_s))
            with self._lock:
                is_new = (ident, began_s) not in self._reported
                self._reported.add((ident, began_s))
                implementation.hanging += is_new
            if is_new:
                _log.error("%s; its thread is at %s. It keeps one thread until it returns.", hook, hook.where)
        with self._lock:
            self._reported &= seen
        return sorted(found, key=lambda hook: -hook.seconds)

    def deduct(self, took_s: float) -> None:
        """Take the time of a call inside a hook out of that hook's own; called where that call has ended."""
        running = _innermost(sys._getframe(1))
        if running is not None:
            implementation, began_s = running
            implementation.deduct(began_s, took_s)

    def start(self) -> None:
        """Look for hanging hooks every now and then, on a thread of its own, until `close`."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="hookline-hook-watch", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._is_over.set()
        if self._thread is not None:
            self._thread.join(timeout=1.0)

    def note_slow(self, implementation: Implementation, took_s: float) -> None:
        """Log a slow call, unless one of the same plugin was logged within a minute."""
        now_s = self.now()
        with self._lock:
            last_s = self._logged_at.get(implementation.plugin)
            if last_s is not None and now_s - last_s < _LOG_EVERY_S:
                return
            self._logged_at[implementation.plugin] = now_s
        _log.warning(
            "the plugin %r took %.0f ms in %s(); more such calls of it are counted, and logged once a minute",
            implementation.plugin,
            took_s * 1000,
            implementation.hook,
        )

    def _look(self) -> None:
        while not self._is_over.wait(min(max(self.hanging_s / 4, 0.05), 5.0)):
            self.hanging()


class Implementation:
    """One plugin's implementation of one hook.

    Args:
        watch: Who watches it.
        plugin: Name of the plugin.
        hook: Name of the hook.
    """

    def __init__(self, watch: HookWatch, plugin: str, hook: str) -> None:
        self.watch = watch
        self.plugin = plugin
        self.hook = hook
        self.hanging = 0
        # The built-in transport waits for the upstream, within bounds of its own, and code may take its time.
        self.is_untimed = hook in _UNTIMED or plugin in BUILT_IN_PLUGINS
        self.slow = 0
        self._totals: list[float] = [0, 0.0]  # calls, seconds
        self._failures = 0
        self._deducted: dict[tuple[int, float], float] = {}  # seconds, by thread and beginning
        self._expected: type | None = None

    def count(self) -> HookCount:
        """Return what it has done so far."""
        return HookCount(
            plugin=self.plugin,
            hook=self.hook,
            calls=int(self._totals[0]),
            failures=self._failures,
            seconds=max(0.0, self._totals[1]),
            slow=self.slow,
            hanging=self.hanging,
        )

    def deduct(self, began_s: float, took_s: float) -> None:
        """Take the time of another call out of that of a call that is running in this thread."""
        self._totals[1] -= took_s
        key = (threading.get_ident(), began_s)
        self._deducted[key] = self._deducted.get(key, 0.0) + took_s

    def around(self, function: Hook, *, counts: int = 1) -> Hook:
        """Return a function that does the same, watched; each run adds to the calls what is given."""
        watch, now, totals = self.watch, self.watch.now, self._totals
        has_time, checks = self.hook not in AROUND_HOOKS, self.hook in _RETURNS

        def watched(*arguments: object) -> object:
            began_s = now()
            try:
                result = function(*arguments)
                if checks and result is not None:
                    self._check(result)
            except BaseException as exc:
                self._failed(exc)  # a name for what is raised would tie it to this frame, and to the call
                raise
            finally:
                took_s = now() - began_s
                totals[0] += counts
                if has_time:
                    totals[1] += took_s
                if self._deducted:
                    took_s -= self._deducted.pop((threading.get_ident(), began_s), 0.0)
                if took_s > watch.slow_s:
                    self._took_long(took_s)
            return result

        _WATCHED.add(watched.__code__)
        return watched

    def around_wrapper(self, function: Hook) -> Hook:
        """Return a function whose generator does the same, each of its halves watched."""
        first, second = self.around(lambda step: step()), self.around(lambda step: step(), counts=0)
        is_one = self.hook in _RETURNS and self.hook != "hookline_open_stream"  # of that one, a list
        check = self._checked_end if is_one else None

        def watched(*arguments: object) -> object:
            generator = cast("GeneratorType[object, object, object]", function(*arguments))
            return _WatchedGenerator(generator, first, second, check)

        return watched

    def _check(self, result: object) -> None:
        if self._expected is None:
            module, name = _RETURNS[self.hook]
            self._expected = getattr(import_module(module), name)
        if self._expected is not None and not isinstance(result, self._expected):
            article = "an" if self._expected.__name__[0] in "AEIOU" else "a"
            misdeed = (
                f"{self.hook}() of {self.plugin} returned something other than "
                f"{article} {self._expected.__name__}."
            )
            if self.hook not in _OVERLOOKED:
                raise PluginError(misdeed, plugin=self.plugin)
            self._failures += 1
            _log.error("%s It counts as if it had returned None.", misdeed)

    def _failed(self, exc: BaseException) -> None:
        """Count what was raised, and raise an error in place of what would end the process."""
        if isinstance(exc, HooklineError):
            self._failures += isinstance(exc, PluginError) and exc.plugin == self.plugin
        elif isinstance(exc, StopIteration) or is_ctrl_c(exc):
            pass  # how a wrapper returns, and what is not the plugin's
        elif isinstance(exc, Exception):
            self._failures += 1
            _blame(exc, self.plugin)
        else:
            self._failures += 1
            raise PluginError(
                f"The plugin {self.plugin!r} wanted to end the process in {self.hook}() "
                f"({type(exc).__name__}); that was not done.",
                plugin=self.plugin,
            ) from exc

    def _took_long(self, took_s: float) -> None:
        if not self.is_untimed:
            self.slow += 1
            self.watch.note_slow(self, took_s)

    def _checked_end(self, result: object) -> None:
        if result is not None:
            self._check(result)


class _WatchedGenerator:
    """A wrapper's generator, watched while its own code runs and not while it waits for the others."""

    def __init__(
        self,
        generator: GeneratorType[object, object, object],
        first: Hook,
        second: Hook,
        check: Callable[[object], None] | None,
    ) -> None:
        self._generator = generator
        self._first = first
        self._second = second
        self._check = check

    def __iter__(self) -> Iterator[object]:
        return self

    def __next__(self) -> object:
        return self._first(lambda: next(self._generator))

    def send(self, value: object) -> object:
        """Go on with what the others returned."""
        return self._second(lambda: self._ended(lambda: self._generator.send(value)))

    def throw(self, exc: BaseException) -> object:
        """Go on with what the others raised."""
        return self._second(lambda: self._ended(lambda: self._generator.throw(exc)))

    def close(self) -> None:
        """End it."""
        self._generator.close()

    @property
    def gi_code(self) -> CodeType:
        """Where it is written; pluggy names it when a wrapper yields twice."""
        return self._generator.gi_code

    def _ended(self, step: Callable[[], object]) -> object:
        try:
            return step()
        except StopIteration as end:
            if self._check is not None:
                self._check(end.value)
            raise


def _blame(exc: BaseException, plugin: str) -> None:
    """Note on an exception whose it is; whoever was inside of others has noted it first."""
    if getattr(exc, BLAME, None) is None:
        try:
            setattr(exc, BLAME, plugin)
        except AttributeError:  # it takes no attributes: its traceback tells as well
            return


def _frames_of_threads() -> dict[int, FrameType]:
    """Return what every thread is at, by the thread's id.

    The collector must not run meanwhile: what it frees may end a thread's state, which waits for a lock that
    is held here. Source: CPython issue 106883, mended in some releases of 3.11 and 3.12 only.
    """
    is_collecting = gc.isenabled()
    gc.disable()
    try:
        return sys._current_frames()
    finally:
        if is_collecting:
            gc.enable()


def _innermost(frame: FrameType | None) -> tuple[Implementation, float] | None:
    """Return the implementation that a thread is in, and when it began; the inner one of several."""
    while frame is not None:
        if frame.f_code in _WATCHED:
            values = frame.f_locals
            implementation, began_s = values.get("self"), values.get("began_s")
            if isinstance(implementation, Implementation) and isinstance(began_s, float):
                return implementation, began_s
        frame = frame.f_back
    return None


def _where(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}, {frame.f_code.co_name}()"
