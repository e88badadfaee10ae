"""Options for dropdowns: searched, in pages, and kept for a short time per caller."""

from __future__ import annotations

import base64
import difflib
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import orjson

from hookline.errors import (
    ConfigurationError,
    HooklineError,
    MalformedRequestError,
    NotFoundError,
    PluginError,
    UpstreamTimeoutError,
)
from hookline.sources import Option, Source, SourceRequest

if TYPE_CHECKING:
    from hookline.action import Action
    from hookline.clock import Clock
    from hookline.connector import Connector
    from hookline.engine.catalog import Catalog
    from hookline.principal import Principal
    from hookline.record import CallWarning

HINT = "x-options"
"""Keyword of a field's schema that names the source of its values."""

_DEFAULT_LIMIT = 500
_MAX_LIMIT = 1000
_MAX_ROWS = 10_000
_MAX_SEARCH = 200
_MAX_PARAMETER = 200
_MAX_KEPT = 1000
_MAX_KEPT_ROWS = 200_000
_DOUBTFUL_S = 5.0
_PATIENCE_S = 15.0
_CURSOR = re.compile(r"[A-Za-z0-9_-]{1,1200}\Z")
_ID_IN_CURSOR = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What of a source's options is wanted.

    Attributes:
        search: Text that has to be in id or name, in small letters.
        position: How many options went before.
        last_id: The last of them.
        limit: Most options of one page.
        is_array: Whether the answer is to be a plain list.
    """

    search: str = ""
    position: int = 0
    last_id: str = ""
    limit: int = _DEFAULT_LIMIT
    is_array: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Some of a source's options.

    Attributes:
        options: The options.
        next_cursor: How to ask for those that follow; None if these are the last.
        warnings: What is to be known besides.
    """

    options: tuple[Option, ...]
    next_cursor: str | None
    warnings: tuple[CallWarning, ...]


@dataclass(slots=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    rows: tuple[Option, ...] = ()
    warnings: tuple[CallWarning, ...] = ()
    error: HooklineError | None = None
    until_s: float | None = None
    counted: int = 0


class Dropdowns:
    """The sources of a gateway, and what they answered lately.

    Args:
        catalog: The connectors, whose sources are among them.
        clock: What time it is.
    """

    def __init__(self, catalog: Catalog, *, clock: Clock) -> None:
        self._catalog = catalog
        self._clock = clock
        self._sources: dict[str, Source] = {}
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()
        self._kept_rows = 0
        for connector in catalog.connectors.values():
            for source in connector.sources.values():
                self.add(source)

    def add(self, source: Source) -> None:
        """Add a source.

        Raises:
            ConfigurationError: If its id is taken.
        """
        if source.id in self._sources:
            raise ConfigurationError(f"There is a source of options {source.id!r} already.")
        self._sources[source.id] = source

    def replace(self, removed: Iterable[Connector], added: Iterable[Connector]) -> None:
        """Take the sources of connectors out and those of others in.

        Raises:
            ConfigurationError: If an id is taken.
        """
        gone = {id for connector in removed for id in connector.sources}
        sources = {id: one for id, one in self._sources.items() if id not in gone}
        for connector in added:
            for source in connector.sources.values():
                if source.id in sources:
                    raise ConfigurationError(f"There is a source of options {source.id!r} already.")
                sources[source.id] = source
        self._sources = sources

    def all(self) -> Iterator[Source]:
        """Yield every source, by id."""
        sources = self._sources  # one and the same, whatever takes its place meanwhile
        return (sources[id] for id in sorted(sources))

    def visible_to(self, principal: Principal) -> Iterator[Source]:
        """Yield the sources that a caller may read: those of no connector, and of one that it may use."""
        for source in self.all():
            connector = self._catalog.connectors.get(source.connector)
            if connector is None or any(principal.may_run(action) for action in connector.actions):
                yield source

    def find(self, id: str, principal: Principal) -> Source:
        """Return a source that a caller may read.

        Raises:
            NotFoundError: If there is none of that id for it; the message names similar ones.
        """
        visible = {source.id: source for source in self.visible_to(principal)}
        if id in visible:
            return visible[id]
        near = difflib.get_close_matches(id[:80], visible, n=1, cutoff=0.5)
        raise NotFoundError(
            f"There is no source of options {id[:80]!r}." + (f" Did you mean {near[0]}?" if near else ""),
            code="unknown_source",
            hint="`GET /options` lists the sources that your key may read.",
        )

    def parameters(self, source: Source, query: Mapping[str, str], principal: Principal) -> dict[str, str]:
        """Return what a query says to a source: the hint of the action that it names, and what it reads.

        Raises:
            MalformedRequestError: If a parameter is too long, or the action has no such field; names it.
        """
        found: dict[str, str] = {}
        action_id = query.get("action", "")
        if action_id:
            found = self._hint_of(action_id, source, principal)
        found.update((name, query[name]) for name in source.parameters if query.get(name))
        for name, value in found.items():
            if len(value) > _MAX_PARAMETER or not value.isprintable():
                raise _refuse(name, f"has to be a text of at most {_MAX_PARAMETER} characters")
        return found

    def page(self, source: Source, request: SourceRequest, question: Question) -> Page:
        """Return some of a source's options: those that were kept for this caller, or new ones.

        Raises:
            HooklineError: If the source fails.
        """
        rows, warnings = self._rows(source, request)
        if question.search:
            wanted = question.search
            rows = tuple(one for one in rows if wanted in one.id.casefold() or wanted in one.name.casefold())
        start = _start(rows, question)
        options = rows[start : start + question.limit]
        end = start + len(options)
        cursor = _write_cursor(end, options[-1].id) if options and end < len(rows) else None
        return Page(options=options, next_cursor=cursor, warnings=warnings)

    def _rows(
        self, source: Source, request: SourceRequest
    ) -> tuple[tuple[Option, ...], tuple[CallWarning, ...]]:
        key = _key(source, request)
        kept = self._keep(key)
        if not kept.lock.acquire(timeout=_PATIENCE_S):
            raise UpstreamTimeoutError(
                f"The options of {source.title} are being read for another request, and that takes too long.",
                hint="Try again in a moment.",
                retry_after_s=_DOUBTFUL_S,
                reached_upstream=False,
            )
        try:  # a form that asks five times at once asks the service once, also if that fails
            if kept.until_s is None or self._clock.monotonic() >= kept.until_s:
                self._renew(kept, source, request)
                self._count(key, kept)
            if kept.error is not None:
                raise _anew(kept.error)
            return kept.rows, kept.warnings
        finally:
            kept.lock.release()

    def _renew(self, kept: _Kept, source: Source, request: SourceRequest) -> None:
        kept.rows, kept.warnings, kept.error, kept.until_s = (), (), None, None
        keep_s = source.cache_s
        try:
            kept.rows = _read(source, request)
        except HooklineError as exc:
            kept.error = _anew(exc)
            keep_s = _DOUBTFUL_S if exc.retry_after_s is None else min(exc.retry_after_s, _DOUBTFUL_S)
        else:
            kept.warnings = tuple(request.warnings)
            if kept.warnings:
                keep_s = min(keep_s, _DOUBTFUL_S)
        kept.until_s = self._clock.monotonic() + keep_s

    def _count(self, key: tuple[object, ...], kept: _Kept) -> None:
        """Note how many rows are kept now; of too many those are forgotten that nobody asked for lately."""
        with self._lock:
            if self._kept.get(key) is not kept:  # it was forgotten meanwhile
                return
            self._kept_rows += len(kept.rows) - kept.counted
            kept.counted = len(kept.rows)
            self._kept.move_to_end(key)
            while self._kept_rows > _MAX_KEPT_ROWS:
                self._forget_one()

    def _forget_one(self) -> None:
        _, kept = self._kept.popitem(last=False)
        self._kept_rows -= kept.counted

    def _keep(self, key: tuple[object, ...]) -> _Kept:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                kept = self._kept[key] = _Kept()
                if len(self._kept) > _MAX_KEPT:
                    self._forget_one()
            else:
                self._kept.move_to_end(key)
            return kept

    def _hint_of(self, action_id: str, source: Source, principal: Principal) -> dict[str, str]:
        connector = self._catalog.connectors.get(action_id.partition(".")[0])
        action = None if connector is None else connector.actions.get(action_id)
        if action is None or action.is_hidden or not principal.may_run(action_id):
            raise _refuse("action", f"names {action_id[:80]!r}, and there is no such action for this key")
        parameters = hint_of(action, source.id)
        if parameters is None:
            raise _refuse("action", f"names {action_id}, which has no field with options of {source.id}")
        return parameters


def hint_of(action: Action, source_id: str) -> dict[str, str] | None:
    """Return the parameters with which a field of an action names a source; None if none names it."""
    properties = action.input_schema.get("properties")
    for member in properties.values() if isinstance(properties, dict) else ():
        hint = member.get(HINT) if isinstance(member, dict) else None
        if isinstance(hint, str) and hint.partition("?")[0] == source_id:
            return dict(parse_qsl(hint.partition("?")[2]))
    return None


def read_question(query: Mapping[str, str]) -> Question:
    """Return what a query asks for.

    Raises:
        MalformedRequestError: If a parameter is not valid; names it.
    """
    search = query.get("q", "").strip()
    if len(search) > _MAX_SEARCH or not search.isprintable():
        raise _refuse("q", f"has to be a text of at most {_MAX_SEARCH} characters that can be shown")
    limit = query.get("limit", "") or str(_DEFAULT_LIMIT)
    is_number = limit.isascii() and limit.isdecimal() and len(limit) <= 4
    if not is_number or not 1 <= int(limit) <= _MAX_LIMIT:
        raise _refuse("limit", f"has to be a whole number from 1 to {_MAX_LIMIT}")
    shape = query.get("format", "")
    if shape not in ("", "object", "array"):
        raise _refuse("format", "has to be `object` or `array`")
    position, last_id = _read_cursor(query.get("cursor", ""))
    return Question(
        search=search.casefold(),
        position=position,
        last_id=last_id,
        limit=int(limit),
        is_array=shape == "array",
    )


def _key(source: Source, request: SourceRequest) -> tuple[object, ...]:
    """Return what the options depend on: whose they are, and all that the caller may see."""
    who = request.principal
    rights = (who.tenant, who.key_id, who.scopes, who.actions, who.models, who.connections)
    return (source.id, *rights, tuple(sorted(request.parameters.items())))


def _read(source: Source, request: SourceRequest) -> tuple[Option, ...]:
    found: dict[str, Option] = {}
    rows: Iterable[object] = source.list(request)
    for row in islice(rows, _MAX_ROWS):
        if not (isinstance(row, tuple) and len(row) == 2 and all(isinstance(part, str) for part in row)):
            raise PluginError(
                f"The source of options {source.id!r} returned something other than pairs of id and name.",
                plugin=source.connector or source.id,
            )
        found.setdefault(row[0], Option(*row))
    return tuple(found.values())


def _anew(error: HooklineError) -> HooklineError:
    """Return the same error once more: one that is raised belongs to the request it was raised in."""
    made = type(error).__new__(type(error), *error.args)
    made.__dict__.update(error.__dict__)
    return made


def _start(rows: tuple[Option, ...], question: Question) -> int:
    """Return where the page begins: behind the last option of the one before, wherever that is now."""
    if question.last_id:
        for index, row in enumerate(rows):
            if row.id[:_ID_IN_CURSOR] == question.last_id:
                return index + 1
        # It is gone, and what came behind it has moved up: showing one twice is better than none.
        return max(0, min(question.position - 1, len(rows)))
    return min(question.position, len(rows))


def _write_cursor(position: int, last_id: str) -> str:
    text = orjson.dumps([position, last_id[:_ID_IN_CURSOR]])
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _read_cursor(cursor: str) -> tuple[int, str]:
    if not cursor:
        return 0, ""
    value: object = None
    if _CURSOR.match(cursor):
        try:
            value = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except ValueError:
            value = None
    if isinstance(value, list) and len(value) == 2:
        position, last_id = value
        if type(position) is int and 0 <= position <= _MAX_ROWS and isinstance(last_id, str):
            return position, last_id
    raise _refuse("cursor", "has to be the `next_cursor` of an earlier answer")


def _refuse(name: str, problem: str) -> MalformedRequestError:
    return MalformedRequestError(
        f"The parameter `{name}` {problem}.",
        code="invalid_query",
        field=name,
        hint="Correct the parameter that the message names.",
    )
