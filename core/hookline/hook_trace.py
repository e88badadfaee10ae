"""A trace of hooks: which plugin ran when, for how long, what it returned and what it changed.

It is written while somebody looks for the plugin that does something, and holds no values: of a request its
path and headers by name, of bodies and outputs the members by name, with their types and lengths. Prompts,
answers, keys and credentials are in none of its lines, so that they can be handed around.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, cast

import orjson

from hookline.errors import HooklineError

if TYPE_CHECKING:
    from types import CodeType, GeneratorType

Hook = Callable[..., object]
Snapshot = dict[str, tuple[str, int]]

_MAX_NAME = 60


class HookTrace:
    """Writes one line for each call of a hook.

    Args:
        form: ``text`` for people, ``json`` for programs: one object a line.
        write: Takes a line; standard error by default.
        now: Seconds of a clock that only goes on.
    """

    def __init__(
        self,
        form: Literal["text", "json"] = "text",
        *,
        write: Callable[[str], object] | None = None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.form = form
        self.now = now
        self.inside = threading.local()
        self._write = write or _to_stderr

    def around(
        self,
        plugin: str,
        hook: str,
        function: Hook,
        *,
        given: tuple[str, ...],
        taken: tuple[str, ...],
        is_wrapper: bool,
    ) -> Hook:
        """Return a function that does what an implementation does, and writes it down.

        Args:
            plugin: Name of the plugin.
            hook: Name of the hook.
            function: The implementation.
            given: All arguments of the hook, which the returned function takes.
            taken: Those that the implementation takes.
            is_wrapper: Whether it is a wrapper.
        """

        def traced(*arguments: object) -> object:
            values = dict(zip(given, arguments, strict=True))
            span = _Span(self, plugin, hook, values)
            wanted = [values[name] for name in taken]
            if is_wrapper:
                generator = cast("GeneratorType[object, object, object]", function(*wanted))
                return _TracedGenerator(generator, span)
            try:
                return span.step(lambda: function(*wanted))
            finally:
                span.end()

        return traced

    def write(self, line: Mapping[str, object]) -> None:
        """Write the line of one call of a hook."""
        self._write(json.dumps(line) if self.form == "json" else _as_text(line))


class _Span:
    """One call of a hook, in one step or, of a wrapper, in two."""

    def __init__(self, trace: HookTrace, plugin: str, hook: str, values: Mapping[str, object]) -> None:
        self._trace = trace
        self._plugin = plugin
        self._hook = hook
        self._values = values
        self._total_s = self._own_s = 0.0
        self._returned = "None"
        self._raised: str | None = None
        self._changed: list[str] = []

    def step(self, run: Callable[[], object]) -> object:
        inside, now = self._trace.inside, self._trace.now
        before, outer_s = _snapshot(self._values), getattr(inside, "seconds", 0.0)
        inside.seconds = 0.0
        began_s = now()
        try:
            result = run()
            self._returned = _in_short(result)
            return result
        except StopIteration as end:
            self._returned = _in_short(end.value)
            raise
        except HooklineError as exc:
            self._raised = f"{type(exc).__name__}({exc.code})"
            raise
        except BaseException as exc:
            self._raised = type(exc).__name__
            raise
        finally:
            took_s = now() - began_s
            self._total_s += took_s
            self._own_s += took_s - inside.seconds
            inside.seconds = outer_s + took_s
            self._changed += _changes(before, _snapshot(self._values))

    def end(self) -> None:
        call_id, depth = _place(self._values)
        line: dict[str, object] = {
            "call": call_id,
            "depth": depth,
            "hook": self._hook,
            "plugin": self._plugin,
            "us": round(self._total_s * 1e6),
            "own_us": round(self._own_s * 1e6),
            "returned": None if self._raised else self._returned,
            "raised": self._raised,
            "changed": self._changed,
        }
        self._trace.write(line)


class _TracedGenerator:
    """A wrapper's generator; its line is written when it ended."""

    def __init__(self, generator: GeneratorType[object, object, object], span: _Span) -> None:
        self._generator = generator
        self._span = span

    def __iter__(self) -> _TracedGenerator:
        return self

    def __next__(self) -> object:
        return self._span.step(lambda: next(self._generator))

    def send(self, value: object) -> object:
        try:
            return self._span.step(lambda: self._generator.send(value))
        finally:
            self._span.end()

    def throw(self, exc: BaseException) -> object:
        try:
            return self._span.step(lambda: self._generator.throw(exc))
        finally:
            self._span.end()

    def close(self) -> None:
        self._generator.close()

    @property
    def gi_code(self) -> CodeType:
        return self._generator.gi_code


def _place(values: Mapping[str, object]) -> tuple[str, int]:
    """Return the id of the call that a hook is about, and how many calls it is inside of."""
    call, depth = values.get("call"), 0
    above = getattr(call, "parent", None)
    while above is not None:
        depth, above = depth + 1, getattr(above, "parent", None)
    order, job = values.get("order"), values.get("job")
    found = getattr(call, "id", None) or getattr(order, "call_id", None) or getattr(job, "id", None)
    return str(found or "-"), depth


def _in_short(value: object) -> str:
    """Return what a hook returned in words that hold nothing of anybody's."""
    name = type(value).__name__
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, HooklineError):
        return f"{name}({value.code})"
    if isinstance(value, (list, tuple)):
        return f"{name}[{len(value)}]"
    for attribute in ("status", "allow", "again"):
        found = getattr(value, attribute, None)
        if isinstance(found, (bool, int)):
            return f"{name}({attribute}={found})"
    return name


def _snapshot(values: Mapping[str, object]) -> Snapshot:
    """Return what a hook can change in its arguments: names, with kind and fingerprint of each value."""
    found: Snapshot = {}
    with suppress(Exception):  # a plugin may have put anything there; the call must not notice
        request, response, call = values.get("request"), values.get("response"), values.get("call")
        if hasattr(request, "base_url"):
            for name in ("method", "path", "base_url"):
                found[f"request.{name}"] = _print_of(getattr(request, name, None))
            _add(found, "request.headers", getattr(request, "headers", None))
            _add(found, "request.body", getattr(request, "body", None))
        if hasattr(response, "output"):
            _add(found, "response.headers", getattr(response, "headers", None))
            _add(found, "response.output", getattr(response, "output", None))
        if hasattr(call, "record"):
            _add(found, "call.input", getattr(call, "input", None))
            record = getattr(call, "record", None)
            _add(found, "record.headers", getattr(record, "headers", None))
            found["record.warnings"] = _print_of(list(getattr(record, "warnings", ())))
    return found


def _add(found: Snapshot, prefix: str, members: object) -> None:
    if isinstance(members, Mapping):
        for name, value in members.items():
            found[f"{prefix}.{str(name)[:_MAX_NAME]}"] = _print_of(value)
    else:
        found[prefix] = _print_of(members)


def _print_of(value: object) -> tuple[str, int]:
    if isinstance(value, str):
        kind = f"text[{len(value)}]"
    elif isinstance(value, (list, tuple, Mapping, bytes)):
        name = "object" if isinstance(value, Mapping) else "bytes" if isinstance(value, bytes) else "list"
        kind = f"{name}[{len(value)}]"
    elif isinstance(value, bool) or value is None:
        kind = "null" if value is None else "boolean"
    else:
        kind = "number" if isinstance(value, (int, float)) else type(value).__name__
    return kind, hash(orjson.dumps(value, default=repr, option=orjson.OPT_NON_STR_KEYS))


def _changes(before: Snapshot, after: Snapshot) -> list[str]:
    found = [f"-{name}" for name in before if name not in after]
    for name, (kind, value) in after.items():
        if name not in before:
            found.append(f"+{name} {kind}")
        elif before[name][1] != value:
            old = before[name][0]
            found.append(f"~{name} {kind}" if old == kind else f"~{name} {old}→{kind}")
    return found


def _as_text(line: Mapping[str, object]) -> str:
    indent = "  " * cast("int", line["depth"])
    what = f"raised {line['raised']}" if line["raised"] else str(line["returned"])
    changed = ", ".join(cast("list[str]", line["changed"]))
    hook, plugin = str(line["hook"]).removeprefix("hookline_"), str(line["plugin"])
    return f"{line['call']} {indent}{hook:20} {plugin:14} {line['own_us']:>7} µs  {what}  {changed}".rstrip()


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
