"""What goes into an action that another one runs, and what comes out: a dict with members as attributes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from hookline.errors import InvalidUpstreamAnswerError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from hookline.action import JsonObject

M = TypeVar("M", bound="BaseModel")

_MAX_SHOWN = 3


class Output(dict[str, object]):
    """What `Call.run` returns: the action's output, as it would go to a caller.

    ``output["text"]`` and ``output.text`` are the same, and so are ``output["usage"]["total_tokens"]`` and
    ``output.usage.total_tokens``. A member that is called like a method of a dict, such as ``items``, is had
    by ``output["items"]`` only.
    """

    def __getattr__(self, name: str) -> Any:
        """Return a member; objects inside of it are of this kind too.

        The type is `Any`, because what an action of somebody else answers is known when it runs: hand
        ``returns=`` to `Call.run` for an answer with types.
        """
        if name.startswith("__") or name not in self:
            raise AttributeError(_there_is_no(name, self))
        value = self[name]
        shown = _with_attributes(value)
        if shown is not value:  # kept, so that a change of it is a change of the output
            self[name] = shown
        return shown


def _with_attributes(value: object) -> object:
    if isinstance(value, dict):
        return value if isinstance(value, Output) else Output(value)
    if isinstance(value, list):
        found = [_with_attributes(one) for one in value]
        return found if any(new is not old for new, old in zip(found, value, strict=True)) else value
    return value


def _there_is_no(name: str, output: Output) -> str:
    near = difflib.get_close_matches(name, output, n=1)
    if near:
        return f"this output has no member {name!r}; did you mean {near[0]!r}?"
    return f"this output has no member {name!r}; it has {', '.join(output) or 'none'}"


def input_fields(input: BaseModel | Mapping[str, object] | None) -> JsonObject:
    """Return an input as a JSON object.

    Of a model the fields are left out that are None because nobody filled them in.

    Raises:
        TypeError: If it is neither a model nor a mapping.
    """
    if input is None:
        return {}
    if isinstance(input, Mapping):
        return dict(input)
    dump = getattr(input, "model_dump", None)
    if dump is None:
        raise TypeError(f"the input of an action is a model or a mapping, not {type(input).__name__}")
    whole: JsonObject = dump(mode="json", by_alias=True)
    told: JsonObject = dump(mode="json", by_alias=True, exclude_unset=True)
    return {name: value for name, value in whole.items() if value is not None or name in told}


def read_output(output: Output, model: type[M], action_id: str) -> M:
    """Return an output as an instance of a model.

    Raises:
        InvalidUpstreamAnswerError: If it does not fit; names the members, and shows nothing of them.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(output)
    except ValidationError as exc:
        places = [".".join(map(str, one["loc"])) or "the whole" for one in exc.errors(include_input=False)]
        shown = ", ".join(f"`{place}`" for place in places[:_MAX_SHOWN])
        error = InvalidUpstreamAnswerError(
            f"The output of {action_id} does not fit {model.__name__}: {shown}."
        )
        error.action_id = action_id
        raise error from None
