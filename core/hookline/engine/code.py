"""Running actions that are code, in the place of the transport: nothing leaves the gateway.

Whatever a function does wrong becomes an error that names its plugin, and shows nothing of what it raised.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple, NoReturn, cast

import orjson
from pydantic import BaseModel, ValidationError

from hookline.code_action import CODE_BASE_URL, STREAM_END
from hookline.engine.settlement import client_gone
from hookline.engine.sse import encode_event
from hookline.errors import ConfigurationError, HooklineError, InvalidInputError, PluginError, raise_from
from hookline.hookspecs import hookimpl
from hookline.interrupts import is_ctrl_c
from hookline.text import join_sentences
from hookline.upstream import UpstreamResponse

if TYPE_CHECKING:
    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.code_action import Code
    from hookline.engine.catalog import Catalog
    from hookline.plugins import PluginInfo
    from hookline.upstream import UpstreamRequest

_log = logging.getLogger("hookline.code")
_EVENT_STREAM = [("content-type", "text/event-stream")]
_MAX_SHOWN = 3


class CodePlugin:
    """The implementation of ``hookline_execute`` for actions that are code.

    Args:
        catalog: Returns the catalog; it is made after the plugins are registered.
        owner: Returns the plugin whose connector has an id.
    """

    def __init__(self, catalog: Callable[[], Catalog], *, owner: Callable[[str], PluginInfo | None]) -> None:
        self._catalog = catalog
        self._owner = owner

    @hookimpl(trylast=True)
    def hookline_execute(self, call: Call, request: UpstreamRequest) -> UpstreamResponse | None:
        """Run the function of an action that is one."""
        code = call.action.code
        if code is None:
            if call.connection.base_url == CODE_BASE_URL:
                raise _without_a_service(call)
            return None
        call.check_deadline()
        run = _Run(call, code, blame=self._fault, problems=self._problems)
        arguments = run.arguments(request.body or {})
        if not code.is_stream:
            return UpstreamResponse.of_json(run.output(run.guarded(lambda: code.function(*arguments))))
        if request.is_stream:
            pieces = run.events(arguments)
            return UpstreamResponse(
                status=200, headers=list(_EVENT_STREAM), chunks=pieces, close=lambda: _close(pieces)
            )
        for _ in run.pieces(arguments):
            pass
        return UpstreamResponse.of_json(run.joined())

    def _fault(self, call: Call, misdeed: str) -> PluginError:
        info = self._owner(call.action.connector.id)
        name = call.action.connector.id if info is None else info.name
        return PluginError(
            f"The plugin {name!r} {misdeed}.",
            plugin=name,
            distribution=(info.distribution or None) if info else None,
        )

    def _problems(self, call: Call, output: JsonObject) -> list[str]:
        entry = self._catalog().entry_of(call.action)
        return [problem.field or "the whole" for problem in entry.output.problems(output)]


class _End(NamedTuple):
    """The end of a generator, and what it returned."""

    returned: object


class _Run:
    """One run of a function.

    Args:
        call: The call.
        code: The function and what it takes and returns.
        blame: Makes the error for what it did wrong.
        problems: Returns the fields of an output that do not fit the action's schema.
    """

    def __init__(
        self,
        call: Call,
        code: Code,
        *,
        blame: Callable[[Call, str], PluginError],
        problems: Callable[[Call, JsonObject], list[str]],
    ) -> None:
        self._call = call
        self._code = code
        self._blame = blame
        self._problems = problems
        self._texts: list[str] = []
        self._text_chars = 0
        self._output: JsonObject | None = None

    def arguments(self, body: JsonObject) -> tuple[object, ...]:
        """Return what the function is called with.

        Raises:
            InvalidInputError: If the input is not what its model takes.
        """
        if not self._code.takes_input:
            return (self._call,)
        model = self._code.input_model
        if model is None:
            return self._call, body
        try:
            return self._call, model.model_validate(body)
        except ValidationError as exc:
            raise _refusal(exc) from None
        except BaseException as exc:  # a validator of its own may fail in any way
            self._fail(exc)

    def guarded(self, run: Callable[[], object]) -> object:
        """Run a part of the function; what it raises becomes an error that can be shown.

        Raises:
            HooklineError: Always one.
        """
        try:
            return run()
        except BaseException as exc:  # whoever closes a stream does so between its pieces, and not in here
            self._fail(exc)

    def output(self, value: object) -> JsonObject:
        """Return the output that the function's value is.

        Raises:
            PluginError: If it is none.
        """
        if self._code.returns_text and isinstance(value, str):
            return {"text": value}
        model = self._code.output_model
        if model is not None:
            return self._dump(model, value)
        if isinstance(value, BaseModel):
            value = self._dump(type(value), value)
        if not isinstance(value, dict):
            wanted = "text" if self._code.returns_text else "a dict"
            raise self._blame(
                self._call, f"has {self._call.action.id} return {_kind(value)} in place of {wanted}"
            )
        problems = self._problems(self._call, value) if self._code.is_checked else []
        if problems:
            raise self._blame(
                self._call,
                f"has {self._call.action.id} return a dict that does not fit its output schema: "
                f"{_listed(problems)}",
            )
        self._check_json(value)
        return cast("JsonObject", value)

    def pieces(self, arguments: tuple[object, ...]) -> Iterator[JsonObject]:
        """Yield what the function yields, as events; afterwards `joined` has the output.

        Raises:
            HooklineError: If it fails, the time is over, or nobody waits any more.
        """
        made = self.guarded(lambda: self._code.function(*arguments))
        if not isinstance(made, Iterable):
            raise self._blame(self._call, f"has {self._call.action.id} return {_kind(made)}, and no stream")
        source = iter(made)
        try:
            while True:
                value = self.guarded(lambda: _next(source))
                if isinstance(value, _End):
                    if value.returned is not None:
                        self._keep(value.returned)
                    return
                if self._call.cancellation.is_cancelled:
                    raise client_gone()
                self._call.check_deadline()
                piece = self._piece(value)
                if piece is not None:
                    yield piece
        finally:
            self._end(source)

    def events(self, arguments: tuple[object, ...]) -> Iterator[bytes]:
        """Yield the pieces as events of a stream, then the output, then the mark of the end."""
        for piece in self.pieces(arguments):
            self._check_json(piece)
            yield encode_event(orjson.dumps(piece))
        yield encode_event(orjson.dumps({"type": "output", "output": self.joined()}))
        yield encode_event(STREAM_END)

    def joined(self) -> JsonObject:
        """Return the output of a stream: what the function returned, or else its texts.

        Raises:
            PluginError: If there is none.
        """
        if self._output is None:
            self._keep({"text": "".join(self._texts)})
        assert self._output is not None  # it is kept, or an error was raised
        return self._output

    def _piece(self, value: object) -> JsonObject | None:
        action_id = self._call.action.id
        if self._output is not None:
            raise self._blame(self._call, f"has {action_id} yield {_kind(value)} after its output")
        if isinstance(value, str):
            self._text_chars += len(value)
            if self._text_chars > self._call.max_answer_bytes:
                raise self._blame(
                    self._call,
                    f"has {action_id} yield more text than the {self._call.max_answer_bytes:,} bytes that an "
                    "answer may have",
                )
            self._texts.append(value)
            return {"type": "text", "text": value} if value else None
        if isinstance(value, BaseModel):
            self._keep(value)
            return None
        if isinstance(value, dict):
            piece = {"type": "data", **value}
            if piece["type"] in ("output", "error") or "error" in piece:
                raise self._blame(
                    self._call, f"has {action_id} yield a dict that looks like the end of its stream"
                )
            return piece
        raise self._blame(
            self._call, f"has {action_id} yield {_kind(value)}; pieces are text or dicts, the output a model"
        )

    def _keep(self, value: object) -> None:
        self._output = self.output(value)

    def _dump(self, model: type[BaseModel], value: object) -> JsonObject:
        if not isinstance(value, (dict, model)):
            raise self._blame(
                self._call, f"has {self._call.action.id} return {_kind(value)} in place of {model.__name__}"
            )
        try:
            found = model.model_validate(value) if isinstance(value, dict) else value
            return found.model_dump(mode="json", by_alias=True, warnings="error")
        except ValidationError as exc:
            places = [".".join(map(str, one["loc"])) or "the whole" for one in exc.errors()]
            raise self._blame(
                self._call,
                f"has {self._call.action.id} return something that does not fit {model.__name__}: "
                f"{_listed(places)}",
            ) from None  # its text shows the value
        except BaseException as exc:  # serializers may be the plugin's own
            self._fail(exc)

    def _check_json(self, value: JsonObject) -> None:
        try:
            orjson.dumps(value)
        except TypeError as exc:
            raise self._blame(
                self._call, f"has {self._call.action.id} return something that is not JSON"
            ) from exc

    def _end(self, source: object) -> None:
        """End a generator; what it raises then changes nothing, because its stream is over."""
        try:
            _close(source)
        except BaseException as exc:
            if is_ctrl_c(exc):
                raise
            _log.error(
                "%s: %s failed with %s when its stream was ended",
                self._call.id,
                self._call.action.id,
                type(exc).__name__,
            )

    def _fail(self, exc: BaseException) -> NoReturn:
        try:
            if is_ctrl_c(exc):
                raise exc
            if isinstance(exc, HooklineError):
                raise_from(_named(exc, self._call), exc)
            raise_from(
                self._blame(self._call, f"failed with {type(exc).__name__} in {self._call.action.id}"), exc
            )
        finally:
            del exc  # or its traceback, which holds this frame, would keep it and the call alive


def _next(source: Iterator[object]) -> object:
    try:
        return next(source)
    except StopIteration as end:
        return _End(end.value)


def _named(error: HooklineError, call: Call) -> HooklineError:
    """Return an error of a call inside so that it says which action failed: the caller asked for another."""
    inner = error.action_id
    if inner is None or inner == call.action.id or "action" in error.details:
        return error
    error.details["action"] = inner
    where = f" (`{error.field}`)" if error.field and f"`{error.field}`" not in error.message else ""
    error.message = f"{inner}, which {call.action.id} runs, failed{where}: {error.message}"
    error.field = None  # a field of that action's input, and none of the caller's
    return error


def _refusal(exc: ValidationError) -> InvalidInputError:
    problems = [
        {"field": ".".join(map(str, one["loc"])), "message": one["msg"]}
        for one in exc.errors(include_url=False, include_input=False, include_context=False)
    ][:10]
    texts = [f"`{one['field']}`: {one['message']}" if one["field"] else one["message"] for one in problems]
    return InvalidInputError(
        join_sentences(*texts[:_MAX_SHOWN]),
        field=problems[0]["field"] or None,
        details={"problems": problems},
    )


def _without_a_service(call: Call) -> ConfigurationError:
    id = call.action.connector.id
    return ConfigurationError(
        f"{call.action.id} has no service to go to: its connector has no base URL.",
        hint=f"Set HOOKLINE_{id.upper()}_BASE_URL, or hand `base_url` to the Connector.",
    )


def _close(pieces: object) -> None:
    """End a generator, so that what it holds is let go; harmless for anything else."""
    close = getattr(pieces, "close", None)
    if close is not None:
        close()


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a value of type {type(value).__name__}"


def _listed(places: list[str]) -> str:
    shown = ", ".join(f"`{place}`" for place in places[:_MAX_SHOWN])
    return shown if len(places) <= _MAX_SHOWN else f"{shown} and {len(places) - _MAX_SHOWN} more"
