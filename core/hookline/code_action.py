"""Actions that are code: what is read off a function, and what an action is made of it."""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from hookline.errors import ConfigurationError
from hookline.schema_fields import STREAM

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hookline.action import JsonObject
    from hookline.call import Call
    from hookline.upstream import UpstreamRequest

CODE_BASE_URL = "http://code.invalid"
"""Where the requests of code actions seem to go; a name that cannot resolve, so that nothing ever leaves."""

STREAM_END = b"[DONE]"
"""Data of the event that ends the stream of a code action."""

TEXT_OUTPUT: JsonObject = {
    "type": "object",
    "properties": {"text": {"title": "Text", "type": "string"}},
    "required": ["text"],
}
"""Output of a function that returns text, or yields it and returns nothing."""

_STREAMS = (
    collections.abc.Generator,
    collections.abc.Iterator,
    collections.abc.Iterable,
)
_NO_INPUT: JsonObject = {"type": "object", "properties": {}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """A function that is an action.

    Attributes:
        function: The function; it takes the call, and the input if ``takes_input``.
        takes_input: Whether it takes the input.
        input_model: Model that the input is handed over as; None for a dict.
        output_model: Model that it returns; None for a dict that fits the output schema, or for text.
        returns_text: Whether text that it returns is the output's member ``text``.
        is_stream: Whether it yields pieces.
        is_checked: Whether a dict that it returns is held to the output schema.
    """

    function: Callable[..., object]
    takes_input: bool
    input_model: type[BaseModel] | None
    output_model: type[BaseModel] | None
    returns_text: bool
    is_stream: bool
    is_checked: bool = True


class Parts(NamedTuple):
    """What an action takes from its function."""

    code: Code
    input: type[BaseModel] | JsonObject
    output: type[BaseModel] | JsonObject
    description: str


def callers_names() -> dict[str, object]:
    """Return the local names where a decorator is used, so that annotations may name what is defined there.

    To be called by the decorator itself.
    """
    frame = inspect.currentframe()
    try:
        above = None if frame is None or frame.f_back is None else frame.f_back.f_back
        return {} if above is None or above.f_locals is above.f_globals else dict(above.f_locals)
    finally:
        del frame


def read_function(
    function: Callable[..., object],
    *,
    action_id: str,
    input: type[BaseModel] | JsonObject | None,
    output: type[BaseModel] | JsonObject | None,
    names: Mapping[str, object],
) -> Parts:
    """Return what a function says about the action that it is.

    Args:
        function: Takes the call, and the input if it wants one.
        action_id: The action's id, for messages.
        input: Model or schema of the input; by default the annotation of the second argument.
        output: Model or schema of the output; by default the annotation of what it returns.
        names: Names that annotations may use besides those of the function's module.

    Raises:
        ConfigurationError: If the function cannot be one, or does not say what it takes and returns.
    """
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise ConfigurationError(f"{action_id}: declared with `async def`; actions are plain functions.")
    takes_input, parameter = _read_parameters(function, action_id)
    hints = _Annotations(function, names, action_id)
    if input is None:
        input = _model_of(hints.of(parameter.name), parameter, action_id) if parameter else _NO_INPUT
    is_stream = inspect.isgeneratorfunction(function)
    if output is None:
        output, is_stream = _read_return(hints.of("return"), action_id, is_stream=is_stream)
    elif not is_stream:
        is_stream = typing.get_origin(hints.of("return", needed=False)) in _STREAMS
    code = Code(
        function=function,
        takes_input=takes_input,
        input_model=None if isinstance(input, dict) else input,
        output_model=None if isinstance(output, dict) else output,
        returns_text=output is TEXT_OUTPUT,
        is_stream=is_stream,
    )
    return Parts(code, input, output, _first_paragraph(inspect.getdoc(function)))


def prepare_code(call: Call, request: UpstreamRequest) -> None:
    """Show the input as the body of a request; the ``prepare`` of code actions."""
    request.path = f"/{call.action.id}"
    body = dict(call.input)
    if call.action.stream is not None:
        body.pop(STREAM, None)
    request.body = body


class CodeStream:
    """The presenter of a stream that a code action yields: hands pieces on, and keeps the output.

    Args:
        call: The call.
    """

    def __init__(self, call: Call) -> None:
        self._output: JsonObject = {}

    def feed(self, event: JsonObject) -> Iterable[JsonObject]:
        """Return the piece, but for the one that is the output."""
        if event.get("type") == "output":
            self._output = cast("JsonObject", event.get("output"))
            return ()
        return (event,)

    def finish(self) -> JsonObject:
        """Return the output."""
        return self._output


class _Annotations:
    """Annotations of a function, each evaluated when it is asked for: others may name what is not imported.

    Args:
        function: The function.
        names: Names besides those of its module.
        action_id: The action's id, for messages.
    """

    def __init__(self, function: Callable[..., object], names: Mapping[str, object], action_id: str) -> None:
        self._own = getattr(function, "__annotations__", {})
        self._globals = getattr(inspect.unwrap(function), "__globals__", {})
        self._names = names
        self._action_id = action_id

    def of(self, name: str, *, needed: bool = True) -> object:
        """Return an annotation; None if there is none.

        Raises:
            ConfigurationError: If it names something that is not there.
        """
        if name not in self._own:
            return None
        alone = types.SimpleNamespace(__annotations__={name: self._own[name]})
        try:
            return typing.get_type_hints(alone, self._globals, dict(self._names), include_extras=True)[name]
        except Exception as exc:  # an annotation may be anything
            if not needed:
                return None
            what = "what it returns" if name == "return" else f"`{name}`"
            raise ConfigurationError(
                f"{self._action_id}: the annotation of {what} cannot be read, {type(exc).__name__}: {exc}. "
                "Import what it names outside of `if TYPE_CHECKING:`, or hand the model to @connector.action "
                f"as {'output' if name == 'return' else 'input'}=."
            ) from exc


def _read_parameters(
    function: Callable[..., object], action_id: str
) -> tuple[bool, inspect.Parameter | None]:
    parameters = [
        one
        for one in inspect.signature(function).parameters.values()
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    others = [one for one in parameters[2:] if one.default is one.empty]
    if not parameters or others or len(inspect.signature(function).parameters) > len(parameters):
        raise ConfigurationError(
            f"{action_id}: the function must take the call, and the input if it has one: "
            "`def greet(call: Call, input: Greeting) -> Text`."
        )
    return (True, parameters[1]) if len(parameters) > 1 else (False, None)


def _model_of(annotation: object, parameter: inspect.Parameter, action_id: str) -> type[BaseModel]:
    if _is_model(annotation):
        return cast("type[BaseModel]", annotation)
    raise ConfigurationError(
        f"{action_id}: annotate `{parameter.name}` with a pydantic model, or hand a model or a JSON Schema "
        "to @connector.action as input=."
    )


def _read_return(
    annotation: object, action_id: str, *, is_stream: bool
) -> tuple[type[BaseModel] | JsonObject, bool]:
    if typing.get_origin(annotation) in _STREAMS:
        yielded, *rest = typing.get_args(annotation)
        returned = rest[1] if len(rest) > 1 else None
        for one in (returned, *_members(yielded)):
            if _is_model(one):
                return cast("type[BaseModel]", one), True
        if returned is str or str in _members(yielded):
            return TEXT_OUTPUT, True
    elif annotation is str and not is_stream:
        return TEXT_OUTPUT, False
    elif _is_model(annotation) and not is_stream:
        return cast("type[BaseModel]", annotation), False
    raise ConfigurationError(
        f"{action_id}: annotate what the function returns with a pydantic model or `str`, for a stream "
        "`Iterator[str]` or `Generator[str, None, Model]`, or hand a model or a JSON Schema to "
        "@connector.action as output=."
    )


def _members(annotation: object) -> tuple[object, ...]:
    """Return the types that a union allows, or the one that it is."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _is_model(annotation: object) -> bool:
    if not inspect.isclass(annotation):
        return False
    from pydantic import BaseModel

    return issubclass(annotation, BaseModel)


def _first_paragraph(text: str | None) -> str:
    return " ".join((text or "").partition("\n\n")[0].split())
